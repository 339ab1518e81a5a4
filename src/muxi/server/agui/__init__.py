"""The AG-UI endpoint: front ends that speak the protocol talk to the project's agents."""
