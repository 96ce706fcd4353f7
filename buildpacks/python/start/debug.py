# Lets a debugger attach to the first program of a container that is started with BPL_DEBUG_ENABLED. What it starts is left alone.
import os

if os.environ.get("BPL_DEBUG_ENABLED", "").strip().lower() in ("true", "1", "yes", "on") and "STRATA_DEBUGGED" not in os.environ:
    os.environ["STRATA_DEBUGGED"] = "true"
    import debugpy

    debugpy.listen(("0.0.0.0", int(os.environ.get("BPL_DEBUG_PORT") or 5678)))
