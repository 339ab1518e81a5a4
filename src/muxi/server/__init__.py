"""HTTP, SSE and the files of the dashboard, over the services of the runtime.

A route is: parse, one call on a service, render. No rule of the domain lives here.
"""
