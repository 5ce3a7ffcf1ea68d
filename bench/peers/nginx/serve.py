"""nginx in the foreground with a constant answer, everything of it in the current folder.

python serve.py PORT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

CONFIG = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 1000000000;
    server {
        listen 127.0.0.1:PORT;
        location / { default_type application/json; return 200 '{"class":0}'; }
    }
}
"""

Path("nginx.conf").write_text(CONFIG.replace("PORT", sys.argv[1]), encoding="utf-8")
folder = str(Path.cwd())
os.execvp("nginx", ["nginx", "-p", folder, "-c", f"{folder}/nginx.conf", "-e", "stderr"])
