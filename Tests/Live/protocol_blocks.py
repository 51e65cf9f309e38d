"""What a server of the protocol cases has beside the cluster and an upstream, by the name that a case gives behind `on`."""

import base64
from protocol_messages import SECRET

KEY = f"secret known. {base64.b64encode(SECRET).decode()}"
FILLING = "a" * 200
PLUGINS = {
    "base": "", "unsynced": "", "none": "", "cache": "cache 30", "local": "local", "any": "any", "nsid": "nsid server-1",
    "small": "bufsize 600", "chaos": "chaos server-1 somebody", "minimal": "minimal",
    "fenced": """
    acl fenced.test {
        allow net 192.0.2.0/24
        block
    }""",
    "blocked": """
    acl blocked.test {
        block
    }""",
    "walls": """
    acl walls.test {
        block net 127.0.0.2/32
        filter net 127.0.0.3/32
        drop net 127.0.0.4/32
        allow
    }
    acl types.test {
        block type TXT
        filter type AAAA
        drop type MX
    }""",
    "tsig": f"""
    tsig {{
        {KEY}
    }}""",
    "signed": f"""
    tsig signed.test {{
        {KEY}
        require all
    }}""",
    "rewritten": """
    rewrite name exact other.test kube-dns.kube-system.svc.cluster.local
    template IN A made.test {
        match ^ip-([0-9]+)[.]made[.]test[.]$
        answer "{{ .Name }} 60 IN A 192.0.2.{{ index .Match 1 }}"
        fallthrough
    }
    template IN TXT made.test {
        answer "{{ .Name }} 60 IN TXT {{ .Remote }}"
    }
    template IN MX made.test {
        answer "{{ .Name }} 60 IN MX 10 mx.made.test."
        additional "one.made.test. 60 IN TXT FILLING"
        additional "two.made.test. 60 IN TXT FILLING"
        additional "three.made.test. 60 IN TXT FILLING"
    }
    template IN ANY gone.test {
        rcode NXDOMAIN
        ederror 15 gone
    }""".replace("FILLING", FILLING),
    "copied": """
    transfer {
        to *
    }
    file SMALLZONE zone.test
    file LARGEZONE large.test""",
    "narrow": """
    forward narrow.test 127.0.0.1:SILENT {
        max_concurrent 1
        read_timeout 5s
    }""",
    "counted": """
    timeouts {
        maxtcpqueries 3
    }""",
}
