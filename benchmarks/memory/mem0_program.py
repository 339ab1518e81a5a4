"""Runs in an environment of its own, where mem0ai is installed: adds turns and answers questions.

Started by `peers`. Reads histories as JSON from standard input, uses the embeddings that an address
serves in OpenAI's format, infers nothing, and writes what it found as JSON to standard output.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time

from mem0 import Memory


def main() -> None:
    address, width = sys.argv[1], int(sys.argv[2])
    histories = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        memory = Memory.from_config(
            {
                "embedder": {
                    "provider": "openai",
                    "config": {
                        "model": "local",
                        "api_key": "none",
                        "openai_base_url": address,
                        "embedding_dims": width,
                    },
                },
                "vector_store": {
                    "provider": "qdrant",
                    "config": {"path": f"{folder}/qdrant", "embedding_model_dims": width},
                },
                "llm": {
                    "provider": "openai",
                    "config": {"api_key": "none", "openai_base_url": address},
                },
                "history_db_path": f"{folder}/history.db",
            }
        )
        answers = [_one(memory, history) for history in histories]
    json.dump(answers, sys.stdout)


def _one(memory: Memory, history: dict) -> dict:
    user, places = history["name"], {}
    start = time.process_time()
    for at, text in enumerate(history["turns"]):
        added = memory.add(text, user_id=user, infer=False)
        places[added["results"][0]["id"]] = at
    adding = time.process_time() - start
    found, start = [], time.process_time()
    for question in history["questions"]:
        hits = memory.search(question, top_k=50, filters={"user_id": user}, threshold=0.0)
        found.append([places[hit["id"]] for hit in hits["results"] if hit["id"] in places])
    asking = time.process_time() - start
    return {
        "found": found,
        "add_ms": 1000 * adding / max(len(places), 1),
        "search_ms": 1000 * asking / max(len(found), 1),
    }


if __name__ == "__main__":
    main()
