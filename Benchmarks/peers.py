"""Comparable servers, started as their packages ship them."""
import gzip, json, pathlib, re, subprocess, urllib.request

from harness import WORK, free_port, start, wait_for


def glewlwyd():
    """Glewlwyd (C, SQLite) with one account signed in.

    Returns the process, the address that answers from a session, and the wrk script that carries its cookie.
    """
    folder, port = WORK / "glewlwyd", free_port()
    folder.mkdir()
    documents = pathlib.Path("/usr/share/doc/glewlwyd")
    with gzip.open(documents / "database/init.sqlite3.sql.gz") as schema:
        subprocess.run(["sqlite3", folder / "glewlwyd.db"], input=schema.read(), check=True, stdout=subprocess.DEVNULL)
    settings = gzip.decompress((documents / "glewlwyd.conf.sample.gz").read_bytes()).decode()
    for key, value in (
        ("port", str(port)), ("bind_address", '"127.0.0.1"'), ("external_url", f'"http://127.0.0.1:{port}"'), ("cookie_domain", '"127.0.0.1"'),
        ("cookie_secure", "0"), ("log_level", '"NONE"'), ("static_files_path", '"/usr/share/glewlwyd/webapp/"'),
    ):
        settings = re.sub(rf"(?m)^#?{key}=.*", f"{key}={value}", settings, count=1)
    settings = settings.replace("/var/cache/glewlwyd/glewlwyd.db", str(folder / "glewlwyd.db"))
    (folder / "glewlwyd.conf").write_text(settings)
    process = start("glewlwyd", f"--config-file={folder}/glewlwyd.conf")
    wait_for(port, "/config")
    # The account that its database script makes.
    body = json.dumps({"username": "admin", "password": "password"}).encode()
    call = urllib.request.Request(f"http://127.0.0.1:{port}/api/auth/", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(call) as answer:
        cookie = answer.headers["Set-Cookie"].split(";")[0]
    script = WORK / "glewlwyd.lua"
    script.write_text(f'wrk.headers["Cookie"] = "{cookie}"\n')
    return process, f"http://127.0.0.1:{port}/api/profile_list", script
