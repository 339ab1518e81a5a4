"""Knowledge: documents in, passages with citations out. Put together by `runtime`."""
