/// Disruption, network, priority, scaling and access policies, in the words of `messageTable`.
let policyMessages = """
    PodDisruptionBudget:metadata 1 ObjectMeta,spec 2 PodDisruptionBudgetSpec,status 3 PodDisruptionBudgetStatus
    PodDisruptionBudgetSpec:minAvailable 1 IntOrString?,selector 2 LabelSelector?,maxUnavailable 3 IntOrString?,\
    unhealthyPodEvictionPolicy 4 s?
    PodDisruptionBudgetStatus:observedGeneration 1 i,disruptedPods 2 map/Time,disruptionsAllowed 3 i!,\
    currentHealthy 4 i!,desiredHealthy 5 i!,expectedPods 6 i!,conditions 7 []Condition
    Eviction:metadata 1 ObjectMeta,deleteOptions 2 DeleteOptions?
    NetworkPolicy:metadata 1 ObjectMeta,spec 2 NetworkPolicySpec
    NetworkPolicySpec:podSelector 1 LabelSelector!,ingress 2 []NetworkPolicyIngressRule,\
    egress 3 []NetworkPolicyEgressRule,policyTypes 4 []s
    NetworkPolicyIngressRule:ports 1 []NetworkPolicyPort,from 2 []NetworkPolicyPeer
    NetworkPolicyPort:protocol 1 s?,port 2 IntOrString?,endPort 3 i?
    NetworkPolicyPeer:podSelector 1 LabelSelector?,namespaceSelector 2 LabelSelector?,ipBlock 3 IPBlock?
    Ingress:metadata 1 ObjectMeta,spec 2 IngressSpec,status 3 IngressStatus
    IngressSpec:ingressClassName 4 s?,defaultBackend 1 IngressBackend?,tls 2 []IngressTLS,rules 3 []IngressRule
    IngressBackend:service 4 IngressServiceBackend?,resource 3 TypedLocalObjectReference?
    IngressServiceBackend:name 1 s!,port 2 ServiceBackendPort
    ServiceBackendPort:name 1 s,number 2 i
    IngressTLS:hosts 1 []s,secretName 2 s
    IngressRule:host 1 s,ingressRuleValue 2 inline/IngressRuleValue
    IngressRuleValue:http 1 HTTPIngressRuleValue?
    HTTPIngressRuleValue:paths 1 []HTTPIngressPath!
    HTTPIngressPath:path 1 s,pathType 3 s?,backend 2 IngressBackend!
    IngressStatus:loadBalancer 1 IngressLoadBalancerStatus
    IngressLoadBalancerStatus:ingress 1 []IngressLoadBalancerIngress
    IngressLoadBalancerIngress:ip 1 s,hostname 2 s,ports 4 []IngressPortStatus
    IngressPortStatus:port 1 i!,protocol 2 s!,error 3 s?
    IPBlock:cidr 1 s!,except 2 []s
    NetworkPolicyEgressRule:ports 1 []NetworkPolicyPort,to 2 []NetworkPolicyPeer
    PriorityClass:metadata 1 ObjectMeta,value 2 i!,globalDefault 3 b,description 4 s,preemptionPolicy 5 s?
    HorizontalPodAutoscaler:metadata 1 ObjectMeta,spec 2 HorizontalPodAutoscalerSpec,\
    status 3 HorizontalPodAutoscalerStatus
    HorizontalPodAutoscalerSpec:scaleTargetRef 1 CrossVersionObjectReference!,minReplicas 2 i?,maxReplicas 3 i!,\
    metrics 4 []MetricSpec,behavior 5 HorizontalPodAutoscalerBehavior?
    CrossVersionObjectReference:kind 1 s!,name 2 s!,apiVersion 3 s
    MetricSpec:type 1 s!,object 2 ObjectMetricSource?,pods 3 PodsMetricSource?,resource 4 ResourceMetricSource?,\
    containerResource 7 ContainerResourceMetricSource?,external 5 ExternalMetricSource?
    ObjectMetricSource:describedObject 1 CrossVersionObjectReference!,target 2 MetricTarget!,\
    metric 3 MetricIdentifier!
    MetricTarget:type 1 s!,value 2 Q?,averageValue 3 Q?,averageUtilization 4 i?
    MetricIdentifier:name 1 s!,selector 2 LabelSelector?
    PodsMetricSource:metric 1 MetricIdentifier!,target 2 MetricTarget!
    ResourceMetricSource:name 1 s!,target 2 MetricTarget!
    ContainerResourceMetricSource:name 1 s!,target 2 MetricTarget!,container 3 s!
    ExternalMetricSource:metric 1 MetricIdentifier!,target 2 MetricTarget!
    HorizontalPodAutoscalerBehavior:scaleUp 1 HPAScalingRules?,scaleDown 2 HPAScalingRules?
    HPAScalingRules:stabilizationWindowSeconds 3 i?,selectPolicy 1 s?,policies 2 []HPAScalingPolicy,tolerance 4 Q?
    HPAScalingPolicy:type 1 s!,value 2 i!,periodSeconds 3 i!
    HorizontalPodAutoscalerStatus:observedGeneration 1 i?,lastScaleTime 2 Time?,currentReplicas 3 i,\
    desiredReplicas 4 i!,currentMetrics 5 []MetricStatus!,conditions 6 []HorizontalPodAutoscalerCondition
    MetricStatus:type 1 s!,object 2 ObjectMetricStatus?,pods 3 PodsMetricStatus?,resource 4 ResourceMetricStatus?,\
    containerResource 7 ContainerResourceMetricStatus?,external 5 ExternalMetricStatus?
    ObjectMetricStatus:metric 1 MetricIdentifier!,current 2 MetricValueStatus!,\
    describedObject 3 CrossVersionObjectReference!
    MetricValueStatus:value 1 Q?,averageValue 2 Q?,averageUtilization 3 i?
    PodsMetricStatus:metric 1 MetricIdentifier!,current 2 MetricValueStatus!
    ResourceMetricStatus:name 1 s!,current 2 MetricValueStatus!
    ContainerResourceMetricStatus:name 1 s!,current 2 MetricValueStatus!,container 3 s!
    ExternalMetricStatus:metric 1 MetricIdentifier!,current 2 MetricValueStatus!
    HorizontalPodAutoscalerCondition:type 1 s!,status 2 s!,lastTransitionTime 3 Time!,reason 4 s,message 5 s,\
    observedGeneration 6 i?
    ClusterRole:metadata 1 ObjectMeta,rules 2 []PolicyRule!,aggregationRule 3 AggregationRule?
    PolicyRule:verbs 1 []s!,apiGroups 2 []s,resources 3 []s,resourceNames 4 []s,nonResourceURLs 5 []s
    AggregationRule:clusterRoleSelectors 1 []LabelSelector
    ClusterRoleBinding:metadata 1 ObjectMeta,subjects 2 []Subject,roleRef 3 RoleRef!
    Subject:kind 1 s!,apiGroup 2 s,name 3 s!,namespace 4 s
    RoleRef:apiGroup 1 s!,kind 2 s!,name 3 s!
    Role:metadata 1 ObjectMeta,rules 2 []PolicyRule!
    RoleBinding:metadata 1 ObjectMeta,subjects 2 []Subject,roleRef 3 RoleRef!
    """
