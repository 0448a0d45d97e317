"""`secondtake up`: the server and the studio as two processes of one command."""
