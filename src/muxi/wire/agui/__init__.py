"""The AG-UI protocol, revision 1.0 (https://docs.ag-ui.com): what a front end sends and is told."""
