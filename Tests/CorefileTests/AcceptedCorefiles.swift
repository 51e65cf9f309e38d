import Corefile
import Testing

/// The Corefiles of common installations; each must be read unchanged.
@Suite("Corefiles of common installations") struct AcceptedCorefiles {
    @Test("upstream deployment manifest, with stub domains")
    func upstream() {
        let corefile = CorefileText(
            """
            .:53 {
                errors
                health {
                  lameduck 5s
                }
                ready
                kubernetes cluster.local 10.96.0.0/12 {
                  fallthrough in-addr.arpa ip6.arpa
                }
                prometheus :9153
                forward . /etc/resolv.conf {
                  max_concurrent 1000
                }
                cache 30
                loop
                reload
                loadbalance
            }
            corp.example:53 {
                errors
                cache 30
                forward . 10.1.2.3
            }
            """)
        #expect(
            corefile.tree == """
                dns://.:53
                    errors
                    health {
                        lameduck 5s
                    }
                    ready
                    kubernetes cluster.local 10.96.0.0/12 {
                        fallthrough in-addr.arpa ip6.arpa
                    }
                    prometheus :9153
                    forward . /etc/resolv.conf {
                        max_concurrent 1000
                    }
                    cache 30
                    loop
                    reload
                    loadbalance
                dns://corp.example.:53
                    errors
                    cache 30
                    forward . 10.1.2.3

                """)
    }

    @Test("Helm chart")
    func helm() {
        let corefile = CorefileText(
            """
            .:53 {
                errors
                health  {
                    lameduck 10s
                }
                ready
                kubernetes   cluster.local  cluster.local in-addr.arpa ip6.arpa {
                    pods insecure
                    fallthrough in-addr.arpa ip6.arpa
                    ttl 30
                }
                prometheus   0.0.0.0:9153
                forward   . /etc/resolv.conf
                cache   30
                loop
                reload
                loadbalance
            }
            """)
        #expect(
            corefile.tree == """
                dns://.:53
                    errors
                    health {
                        lameduck 10s
                    }
                    ready
                    kubernetes cluster.local cluster.local in-addr.arpa ip6.arpa {
                        pods insecure
                        fallthrough in-addr.arpa ip6.arpa
                        ttl 30
                    }
                    prometheus 0.0.0.0:9153
                    forward . /etc/resolv.conf
                    cache 30
                    loop
                    reload
                    loadbalance

                """)
    }

    @Test("kubeadm")
    func kubeadm() {
        let corefile = CorefileText(
            """
            .:53 {
                errors
                health {
                   lameduck 5s
                }
                ready
                kubernetes cluster.local in-addr.arpa ip6.arpa {
                   pods insecure
                   fallthrough in-addr.arpa ip6.arpa
                   ttl 30
                }
                prometheus :9153
                forward . /etc/resolv.conf {
                   max_concurrent 1000
                }
                cache 30 {
                   disable success cluster.local
                   disable denial cluster.local
                }
                loop
                reload
                loadbalance
            }
            """)
        #expect(
            corefile.tree == """
                dns://.:53
                    errors
                    health {
                        lameduck 5s
                    }
                    ready
                    kubernetes cluster.local in-addr.arpa ip6.arpa {
                        pods insecure
                        fallthrough in-addr.arpa ip6.arpa
                        ttl 30
                    }
                    prometheus :9153
                    forward . /etc/resolv.conf {
                        max_concurrent 1000
                    }
                    cache 30 {
                        disable success cluster.local
                        disable denial cluster.local
                    }
                    loop
                    reload
                    loadbalance

                """)
    }
}
