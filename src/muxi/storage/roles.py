"""The two roles of a PostgreSQL database: one owns and migrates the tables, one serves.

For operators, once: `psql -d muxi -c "$(python -m muxi.storage.roles muxi)"` or through the
command line of muxi, as a superuser. The server's role cannot look past row-level security.
"""

from __future__ import annotations

import sys


def roles_sql(database: str, *, owner: str = "muxi_owner", server: str = "muxi_server") -> str:
    """SQL that makes both roles and gives them what they need in `database`, and nothing more.

    The roles have no passwords: set them with psql's \\password, or use another kind of login.
    It may be run again without harm. It must run inside that database.
    """
    base, own, serve = _quoted(database), _quoted(owner), _quoted(server)
    rights = "SELECT, INSERT, UPDATE, DELETE"
    future = f"ALTER DEFAULT PRIVILEGES FOR ROLE {own} IN SCHEMA public"
    return "\n".join(
        [
            *(_role(role) for role in (owner, server)),
            f"GRANT CONNECT ON DATABASE {base} TO {own}, {serve};",
            f"GRANT USAGE, CREATE ON SCHEMA public TO {own};",
            f"GRANT USAGE ON SCHEMA public TO {serve};",
            f"{future} GRANT {rights} ON TABLES TO {serve};",
            f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {serve};",
        ]
    )


def _role(name: str) -> str:
    literal = name.replace("'", "''")
    rights = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{literal}') THEN "
        f"CREATE ROLE {_quoted(name)} {rights}; END IF; END $$;\n"
        f"ALTER ROLE {_quoted(name)} {rights};"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    sys.stdout.write(roles_sql(sys.argv[1]) + "\n")
