"""A tunnel from nothing but VICI, by strongSwan's own client library.

    tunnel.py SOCKET EXPECTED_DAEMON LOCAL_ADDRESS REMOTE_ADDRESS PSK

Loads a secret and a connection, listens to what happens, brings the tunnel up with its log streamed,
lists it, takes it down, and unloads everything. Every step is checked; "done" is printed at the end.
"""

import collections
import socket
import sys
import threading
import time

import vici

SOCKET, DAEMON, LOCAL, REMOTE, PSK = sys.argv[1:]


def session():
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(30)
    stream.connect(SOCKET)
    return vici.Session(stream)


class Listener(threading.Thread):
    """Collects events on a connection of its own until it has heard all of `expected`."""

    def __init__(self, expected):
        super().__init__(daemon=True)
        self.expected = collections.Counter(expected)
        self.heard = []
        self.failure = None
        self.session = session()
        self.start()
        # The library registers with the first look at its events and does not say when that is done.
        time.sleep(0.3)

    def run(self):
        names = sorted({name for name, _ in self.expected} | {"log"})
        missing = set(self.expected)
        try:
            for name, message in self.session.listen(names):
                name = name.decode() if isinstance(name, bytes) else name
                self.heard.append((name, message))
                missing.discard((name, message.get("up") == b"yes"))
                missing.discard((name, None))
                if not missing:
                    return
        except Exception as failure:  # told by wait()
            self.failure = failure

    def wait(self):
        self.join(20)
        assert not self.is_alive(), f"heard only {[name for name, _ in self.heard]}"
        assert self.failure is None, self.failure
        return self.heard


def only(mapping):
    assert len(mapping) == 1, mapping
    return next(iter(mapping.values()))


def check_updown(heard, name, up):
    """The connection's section of the one such event."""
    found = [message for kind, message in heard
             if kind == name and (message.get("up") == b"yes") == up]
    assert found, f"no {name} with up={up} in {[kind for kind, _ in heard]}"
    sa = found[0]["gw"]
    assert sa["remote-host"] == REMOTE.encode(), sa
    assert sa["remote-id"] == b"sun.example", sa
    return sa


CONNECTION = {
    "gw": {
        "version": "2",
        "local_addrs": [LOCAL],
        "remote_addrs": [REMOTE],
        "proposals": ["aes256gcm16-prfsha384-x25519"],
        "local": {"auth": "psk", "id": "moon.example"},
        "remote": {"auth": "psk", "id": "sun.example"},
        "children": {
            "net": {
                "local_ts": ["10.1.0.0/16"],
                "remote_ts": ["10.2.0.0/16"],
                "esp_proposals": ["aes256gcm16"],
            }
        },
    }
}


def main():
    control = session()
    version = control.version()
    assert version["daemon"].decode() == DAEMON, version
    assert list(control.list_conns()) == [], "there are connections already"

    control.load_shared({"id": "lab", "type": "IKE", "data": PSK, "owners": ["sun.example"]})
    assert control.get_shared()["keys"] == [b"lab"]
    control.load_conn(CONNECTION)
    assert control.get_conns()["conns"] == [b"gw"]
    [listed] = control.list_conns()
    conn = only(listed)
    assert only(conn["children"])["remote-ts"] == [b"10.2.0.0/16"], conn

    ups = Listener([("ike-updown", True), ("child-updown", True), ("log", False)])
    lines = list(control.initiate({"child": "net", "ike": "gw", "timeout": "10000"}))
    assert lines and all(b"msg" in line or "msg" in line for line in lines), lines
    heard = ups.wait()
    check_updown(heard, "ike-updown", True)
    child = only(check_updown(heard, "child-updown", True)["child-sas"])
    assert child["name"] == b"net", child
    logged = [message for kind, message in heard if kind == "log"]
    assert all({"group", "level", "thread", "msg"} <= set(message) for message in logged), logged

    [listed] = control.list_sas()
    sa = only(listed)
    assert sa["state"] == b"ESTABLISHED", sa
    assert sa["initiator"] == b"yes", sa
    child = only(sa["child-sas"])
    assert child["state"] == b"INSTALLED" and child["local-ts"] == [b"10.1.0.0/16"], child
    assert list(control.list_sas({"ike": "nosuch"})) == []

    downs = Listener([("ike-updown", False), ("child-updown", False)])
    list(control.terminate({"ike": "gw", "timeout": "10000"}))
    heard = downs.wait()
    check_updown(heard, "ike-updown", False)
    check_updown(heard, "child-updown", False)
    assert list(control.list_sas()) == []

    try:
        list(control.terminate({"ike": "gw"}))
    except vici.exception.CommandException as error:
        assert "no matching SAs to terminate found" in str(error), error
    else:
        raise AssertionError("there was something left to terminate")

    control.unload_conn({"name": "gw"})
    assert control.get_conns()["conns"] == []
    assert list(control.list_conns()) == []
    control.unload_shared({"id": "lab"})
    assert control.get_shared()["keys"] == []
    print("done")


main()
