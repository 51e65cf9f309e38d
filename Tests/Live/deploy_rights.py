"""RBAC of deploy/: the programs use exactly the rights they have, and with fewer say which is missing."""

from live import BINARY, EXAMPLES, ROOT, Lab, eventually
from authorizing_proxy import AuthorizingProxy
from manifests import Manifests, Rights
from pods import ImageRoot, Pod

# Rights that the stock Corefile does not use, and what does.
UNUSED = {("list", "", "pods"): "pods verified", ("watch", "", "pods"): "pods verified"}


def check(suite, node):
    image = ImageRoot.of(BINARY, ROOT / "deploy/image/root.sh")
    found = Manifests.of(".")
    server = ClusterUse(suite, node, image, found)
    server.uses_all()
    server.names_what_is_missing()


class ClusterUse:
    """The DNS server's use of the API."""

    def __init__(self, suite, node, image, found):
        self.suite, self.node, self.image, self.found = suite, node, image, found
        self.template = found.pod("coredns")
        self.account = self.template["spec"]["serviceAccountName"]
        self.lab = Lab(manifests=EXAMPLES)

    def rights(self):
        """Those of the server alone: what the autoscaler needs is in roles of its own."""
        rights = Rights(self.found, self.account)
        role = self.found.one("ClusterRole", "system:cluster-dns")
        own = object.__new__(Rights)
        own.facts = set()
        for rule in role["rules"]:
            own.add(rule, None)
        self.suite.check("rights: the server's are granted to its account", own.facts <= rights.facts)
        return own

    def start(self, rights, corefile):
        proxy = AuthorizingProxy(self.node.address, self.lab, rights)
        maps = {"coredns": {"data": {"Corefile": corefile}}}
        pod = Pod(self.node, self.template["spec"], maps, name="rights", api_server=proxy.for_pods)
        return proxy, pod, pod.start(self.found.container("coredns", "coredns"), self.image)

    def corefile(self, pods):
        return self.found.config_maps["coredns"]["data"]["Corefile"].replace("pods insecure", f"pods {pods}")

    def uses_all(self):
        rights = self.rights()
        for pods in ("insecure", "verified"):
            wanted = {
                fact for fact in rights.facts if pods == "verified" or fact[:3] not in UNUSED}
            proxy, pod, container = self.start(rights, self.corefile(pods))
            self.suite.check(f"rights, pods {pods}: ready",
                eventually(lambda: container.probe("readinessProbe")[0] == 200, 30), container.log_end())
            self.suite.check(f"rights, pods {pods}: each is used",
                eventually(lambda: set(proxy.allowed_by) == wanted, 20), (wanted - set(proxy.allowed_by), proxy.allowed_by))
            self.suite.check(f"rights, pods {pods}: no other is asked for", not proxy.forbidden, proxy.forbidden)
            container.kill()
            pod.close()

    def names_what_is_missing(self):
        for fact in sorted(self.rights().facts, key=str):
            verb, group, resource = fact[:3]
            label = f"rights without {verb} {resource}"
            proxy, pod, container = self.start(self.rights().without(fact), self.corefile("verified"))
            self.suite.check(f"{label}: the log names both",
                eventually(lambda: any(resource in line and verb in line and "forbidden" in line.lower()
                    for line in container.log.splitlines()), 30), container.log_end())
            if verb == "list":
                status, text = container.probe("readinessProbe")
                self.suite.check(f"{label}: not ready, and the page names the plugin",
                    status == 503 and "kubernetes" in text, (status, text))
            container.kill()
            pod.close()
