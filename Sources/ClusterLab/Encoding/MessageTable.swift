/// The protobuf messages of the served kinds: `Message: jsonName number type, …` in JSON order.
///
/// Types: s string, b bool, i integer, by bytes, Q quantity, `[]x` list, `map/x` map from string,
/// `inline/M` a message whose fields stand in the parent's JSON object, else a message's name.
/// Suffixes: `?` a pointer in Go (absent when unset), `!` written to JSON even when empty.
let messageTable = """
    ObjectMeta:name 1 s,generateName 2 s,namespace 3 s,selfLink 4 s,uid 5 s,resourceVersion 6 s,generation 7 i,\
    creationTimestamp 8 Time,deletionTimestamp 9 Time?,deletionGracePeriodSeconds 10 i?,labels 11 map/s,\
    annotations 12 map/s,ownerReferences 13 []OwnerReference,finalizers 14 []s,managedFields 17 []ManagedFieldsEntry
    OwnerReference:apiVersion 5 s!,kind 1 s!,name 3 s!,uid 4 s!,controller 6 b?,blockOwnerDeletion 7 b?
    ManagedFieldsEntry:manager 1 s,operation 2 s,apiVersion 3 s,time 4 Time?,fieldsType 6 s,fieldsV1 7 JSON?,\
    subresource 8 s
    ListMeta:selfLink 1 s,resourceVersion 2 s,continue 3 s,remainingItemCount 4 i?
    Status:metadata 1 ListMeta!,status 2 s,message 3 s,reason 4 s,details 5 StatusDetails?,code 6 i
    StatusDetails:name 1 s,group 2 s,kind 3 s,uid 6 s,causes 4 []StatusCause,retryAfterSeconds 5 i
    StatusCause:reason 1 s,message 2 s,field 3 s
    Condition:type 1 s!,status 2 s!,observedGeneration 3 i,lastTransitionTime 4 Time!,reason 5 s!,message 6 s!
    LabelSelector:matchLabels 1 map/s,matchExpressions 2 []LabelSelectorRequirement
    LabelSelectorRequirement:key 1 s!,operator 2 s!,values 3 []s
    ObjectReference:kind 1 s,namespace 2 s,name 3 s,uid 4 s,apiVersion 5 s,resourceVersion 6 s,fieldPath 7 s
    LocalObjectReference:name 1 s
    DeleteOptions:gracePeriodSeconds 1 i?,preconditions 2 Preconditions?,orphanDependents 3 b?,\
    propagationPolicy 4 s?,dryRun 5 []s
    Preconditions:uid 1 s?,resourceVersion 2 s?
    PartialObjectMetadata:metadata 1 ObjectMeta!
    Service:metadata 1 ObjectMeta!,spec 2 ServiceSpec!,status 3 ServiceStatus!
    ServiceSpec:ports 1 []ServicePort,selector 2 map/s,clusterIP 3 s,clusterIPs 18 []s,type 4 s,externalIPs 5 []s,\
    sessionAffinity 7 s,loadBalancerIP 8 s,loadBalancerSourceRanges 9 []s,externalName 10 s,\
    externalTrafficPolicy 11 s,healthCheckNodePort 12 i,publishNotReadyAddresses 13 b,\
    sessionAffinityConfig 14 SessionAffinityConfig?,ipFamilies 19 []s,ipFamilyPolicy 17 s?,\
    allocateLoadBalancerNodePorts 20 b?,loadBalancerClass 21 s?,internalTrafficPolicy 22 s?,trafficDistribution 23 s?
    SessionAffinityConfig:clientIP 1 ClientIPConfig?
    ClientIPConfig:timeoutSeconds 1 i?
    ServicePort:name 1 s,protocol 2 s,appProtocol 6 s?,port 3 i!,targetPort 4 IntOrString,nodePort 5 i
    ServiceStatus:loadBalancer 1 LoadBalancerStatus!,conditions 2 []Condition
    LoadBalancerStatus:ingress 1 []LoadBalancerIngress
    LoadBalancerIngress:ip 1 s,hostname 2 s,ipMode 3 s?,ports 4 []PortStatus
    PortStatus:port 1 i!,protocol 2 s!,error 3 s?
    EndpointSlice:metadata 1 ObjectMeta!,addressType 4 s!,endpoints 2 []Endpoint!,ports 3 []SlicePort!
    Endpoint:addresses 1 []s!,conditions 2 EndpointConditions!,hostname 3 s?,targetRef 4 ObjectReference?,\
    deprecatedTopology 5 map/s,nodeName 6 s?,zone 7 s?,hints 8 EndpointHints?
    EndpointConditions:ready 1 b?,serving 2 b?,terminating 3 b?
    EndpointHints:forZones 1 []ForZone,forNodes 2 []ForNode
    ForZone:name 1 s!
    ForNode:name 1 s!
    SlicePort:name 1 s?,protocol 2 s?,port 3 i?,appProtocol 4 s?
    Endpoints:metadata 1 ObjectMeta!,subsets 2 []EndpointSubset
    EndpointSubset:addresses 1 []EndpointAddress,notReadyAddresses 2 []EndpointAddress,ports 3 []EndpointPort
    EndpointAddress:ip 1 s!,hostname 3 s,nodeName 4 s?,targetRef 2 ObjectReference?
    EndpointPort:name 1 s,port 2 i!,protocol 3 s,appProtocol 4 s?
    Namespace:metadata 1 ObjectMeta!,spec 2 NamespaceSpec!,status 3 NamespaceStatus!
    NamespaceSpec:finalizers 1 []s
    NamespaceStatus:phase 1 s,conditions 2 []NamespaceCondition
    NamespaceCondition:type 1 s!,status 2 s!,lastTransitionTime 4 Time,reason 5 s,message 6 s
    ConfigMap:metadata 1 ObjectMeta!,immutable 4 b?,data 2 map/s,binaryData 3 map/by
    ServiceAccount:metadata 1 ObjectMeta!,secrets 2 []ObjectReference,imagePullSecrets 3 []LocalObjectReference,\
    automountServiceAccountToken 4 b?
    Node:metadata 1 ObjectMeta!,spec 2 NodeSpec!,status 3 NodeStatus!
    NodeSpec:podCIDR 1 s,podCIDRs 7 []s,providerID 3 s,unschedulable 4 b,taints 5 []Taint,externalID 2 s
    Taint:key 1 s!,value 2 s,effect 3 s!,timeAdded 4 Time?
    NodeStatus:capacity 1 map/Q,allocatable 2 map/Q,phase 3 s,conditions 4 []NodeCondition,addresses 5 []NodeAddress,\
    daemonEndpoints 6 NodeDaemonEndpoints!,nodeInfo 7 NodeSystemInfo!,images 8 []ContainerImage
    NodeCondition:type 1 s!,status 2 s!,lastHeartbeatTime 3 Time,lastTransitionTime 4 Time,reason 5 s,message 6 s
    NodeAddress:type 1 s!,address 2 s!
    NodeDaemonEndpoints:kubeletEndpoint 1 DaemonEndpoint!
    DaemonEndpoint:Port 1 i!
    NodeSystemInfo:machineID 1 s!,systemUUID 2 s!,bootID 3 s!,kernelVersion 4 s!,osImage 5 s!,\
    containerRuntimeVersion 6 s!,kubeletVersion 7 s!,kubeProxyVersion 8 s!,operatingSystem 9 s!,architecture 10 s!
    ContainerImage:names 1 []s,sizeBytes 2 i
    Pod:metadata 1 ObjectMeta!,spec 2 PodSpec!,status 3 PodStatus!
    PodSpec:volumes 1 []Volume,initContainers 20 []Container,containers 2 []Container!,restartPolicy 3 s,\
    terminationGracePeriodSeconds 4 i?,activeDeadlineSeconds 5 i?,dnsPolicy 6 s,nodeSelector 7 map/s,\
    serviceAccountName 8 s,serviceAccount 9 s,automountServiceAccountToken 21 b?,nodeName 10 s,hostNetwork 11 b,\
    hostPID 12 b,hostIPC 13 b,shareProcessNamespace 27 b?,securityContext 14 PodSecurityContext?,\
    imagePullSecrets 15 []LocalObjectReference,hostname 16 s,subdomain 17 s,schedulerName 19 s,\
    tolerations 22 []Toleration,hostAliases 23 []HostAlias,priorityClassName 24 s,priority 25 i?,\
    dnsConfig 26 PodDNSConfig?,runtimeClassName 29 s?,enableServiceLinks 30 b?,preemptionPolicy 31 s?,\
    setHostnameAsFQDN 35 b?,hostUsers 37 b?,hostnameOverride 41 s?
    PodSecurityContext:runAsUser 2 i?,runAsNonRoot 3 b?,supplementalGroups 4 []i,fsGroup 5 i?,runAsGroup 6 i?
    HostAlias:ip 1 s!,hostnames 2 []s
    PodDNSConfig:nameservers 1 []s,searches 2 []s,options 3 []PodDNSConfigOption
    PodDNSConfigOption:name 1 s,value 2 s?
    Toleration:key 1 s,operator 2 s,value 3 s,effect 4 s,tolerationSeconds 5 i?
    Container:name 1 s!,image 2 s,command 3 []s,args 4 []s,workingDir 5 s,ports 6 []ContainerPort,env 7 []EnvVar,\
    resources 8 ResourceRequirements!,volumeMounts 9 []VolumeMount,livenessProbe 10 Probe?,readinessProbe 11 Probe?,\
    terminationMessagePath 13 s,terminationMessagePolicy 20 s,imagePullPolicy 14 s,\
    securityContext 15 SecurityContext?,stdin 16 b,stdinOnce 17 b,tty 18 b
    ContainerPort:name 1 s,hostPort 2 i,containerPort 3 i!,protocol 4 s,hostIP 5 s
    EnvVar:name 1 s!,value 2 s
    ResourceRequirements:limits 1 map/Q,requests 2 map/Q
    VolumeMount:name 1 s!,readOnly 2 b,mountPath 3 s!,subPath 4 s,mountPropagation 5 s?,\
    subPathExpr 6 s,recursiveReadOnly 7 s?
    Probe:handler 1 inline/ProbeHandler,initialDelaySeconds 2 i,timeoutSeconds 3 i,periodSeconds 4 i,successThreshold 5 i,\
    failureThreshold 6 i
    ProbeHandler:exec 1 ExecAction?,httpGet 2 HTTPGetAction?,tcpSocket 3 TCPSocketAction?
    ExecAction:command 1 []s
    HTTPGetAction:path 1 s,port 2 IntOrString,host 3 s,scheme 4 s
    TCPSocketAction:port 1 IntOrString,host 2 s
    SecurityContext:privileged 2 b?,runAsUser 4 i?,runAsNonRoot 5 b?,readOnlyRootFilesystem 6 b?,\
    allowPrivilegeEscalation 7 b?,runAsGroup 8 i?
    PodStatus:observedGeneration 17 i,phase 1 s,conditions 2 []PodCondition,message 3 s,reason 4 s,\
    nominatedNodeName 11 s,hostIP 5 s,hostIPs 16 []HostIP,podIP 6 s,podIPs 12 []PodIP,startTime 7 Time?,\
    initContainerStatuses 10 []ContainerStatus,containerStatuses 8 []ContainerStatus,qosClass 9 s,resize 14 s
    PodIP:ip 1 s!
    HostIP:ip 1 s!
    PodCondition:type 1 s!,observedGeneration 7 i,status 2 s!,lastProbeTime 3 Time!,lastTransitionTime 4 Time,\
    reason 5 s,message 6 s
    ContainerStatus:name 1 s!,state 2 ContainerState,lastState 3 ContainerState,ready 4 b!,restartCount 5 i!,image 6 s!,\
    imageID 7 s!,containerID 8 s,started 9 b?
    ContainerState:waiting 1 ContainerStateWaiting?,running 2 ContainerStateRunning?,\
    terminated 3 ContainerStateTerminated?
    ContainerStateWaiting:reason 1 s,message 2 s
    ContainerStateRunning:startedAt 1 Time!
    ContainerStateTerminated:exitCode 1 i!,signal 2 i,reason 3 s,message 4 s,startedAt 5 Time!,finishedAt 6 Time!,\
    containerID 7 s
    Volume:name 1 s!,volumeSource 2 inline/VolumeSource
    VolumeSource:hostPath 1 HostPathVolumeSource?,emptyDir 2 EmptyDirVolumeSource?,secret 6 SecretVolumeSource?,\
    configMap 19 ConfigMapVolumeSource?,projected 26 ProjectedVolumeSource?
    HostPathVolumeSource:path 1 s!,type 2 s?
    EmptyDirVolumeSource:medium 1 s,sizeLimit 2 Q?
    SecretVolumeSource:secretName 1 s,items 2 []KeyToPath,defaultMode 3 i?,optional 4 b?
    ConfigMapVolumeSource:reference 1 inline/LocalObjectReference,items 2 []KeyToPath,defaultMode 3 i?,optional 4 b?
    KeyToPath:key 1 s!,path 2 s!,mode 3 i?
    ProjectedVolumeSource:sources 1 []VolumeProjection!,defaultMode 2 i?
    VolumeProjection:secret 1 ConfigMapVolumeSource?,downwardAPI 2 DownwardAPIProjection?,\
    configMap 3 ConfigMapVolumeSource?,serviceAccountToken 4 ServiceAccountTokenProjection?
    DownwardAPIProjection:items 1 []DownwardAPIVolumeFile
    DownwardAPIVolumeFile:path 1 s!,fieldRef 2 ObjectFieldSelector?,mode 4 i?
    ObjectFieldSelector:apiVersion 1 s,fieldPath 2 s!
    ServiceAccountTokenProjection:audience 1 s,expirationSeconds 2 i?,path 3 s!
    PodTemplateSpec:metadata 1 ObjectMeta,spec 2 PodSpec
    Deployment:metadata 1 ObjectMeta!,spec 2 DeploymentSpec!,status 3 DeploymentStatus!
    DeploymentSpec:replicas 1 i?,selector 2 LabelSelector?,template 3 PodTemplateSpec!,strategy 4 DeploymentStrategy!,\
    minReadySeconds 5 i,revisionHistoryLimit 6 i?,paused 7 b,progressDeadlineSeconds 9 i?
    DeploymentStrategy:type 1 s,rollingUpdate 2 RollingUpdateDeployment?
    RollingUpdateDeployment:maxUnavailable 1 IntOrString?,maxSurge 2 IntOrString?
    DeploymentStatus:observedGeneration 1 i,replicas 2 i,updatedReplicas 3 i,readyReplicas 7 i,availableReplicas 4 i,\
    unavailableReplicas 5 i,conditions 6 []DeploymentCondition,collisionCount 8 i?
    DeploymentCondition:type 1 s!,status 2 s!,lastUpdateTime 6 Time,lastTransitionTime 7 Time,reason 4 s,message 5 s
    ReplicaSet:metadata 1 ObjectMeta!,spec 2 ReplicaSetSpec!,status 3 ReplicaSetStatus!
    ReplicaSetSpec:replicas 1 i?,minReadySeconds 4 i,selector 2 LabelSelector?,template 3 PodTemplateSpec
    ReplicaSetStatus:replicas 1 i!,fullyLabeledReplicas 2 i,readyReplicas 4 i,availableReplicas 5 i,observedGeneration 3 i
    StatefulSet:metadata 1 ObjectMeta!,spec 2 StatefulSetSpec!,status 3 StatefulSetStatus!
    StatefulSetSpec:replicas 1 i?,selector 2 LabelSelector?,template 3 PodTemplateSpec!,serviceName 5 s!,\
    podManagementPolicy 6 s,revisionHistoryLimit 8 i?,minReadySeconds 9 i
    StatefulSetStatus:observedGeneration 1 i?,replicas 2 i!,readyReplicas 3 i,currentReplicas 4 i,updatedReplicas 5 i,\
    currentRevision 6 s,updateRevision 7 s,availableReplicas 11 i!
    Scale:metadata 1 ObjectMeta!,spec 2 ScaleSpec,status 3 ScaleStatus
    ScaleSpec:replicas 1 i
    ScaleStatus:replicas 1 i!,selector 2 s
    Lease:metadata 1 ObjectMeta!,spec 2 LeaseSpec!
    LeaseSpec:holderIdentity 1 s?,leaseDurationSeconds 2 i?,acquireTime 3 MicroTime?,renewTime 4 MicroTime?,\
    leaseTransitions 5 i?,strategy 6 s?,preferredHolder 7 s?
    ServiceCIDR:metadata 1 ObjectMeta!,spec 2 ServiceCIDRSpec!,status 3 ServiceCIDRStatus!
    ServiceCIDRSpec:cidrs 1 []s
    ServiceCIDRStatus:conditions 1 []Condition
    CoreEvent:metadata 1 ObjectMeta!,involvedObject 2 ObjectReference!,reason 3 s,message 4 s,source 5 EventSource,\
    firstTimestamp 6 Time,lastTimestamp 7 Time,count 8 i,type 9 s,eventTime 10 MicroTime,series 11 EventSeries?,\
    action 12 s,related 13 ObjectReference?,reportingComponent 14 s!,reportingInstance 15 s!
    EventSource:component 1 s,host 2 s
    EventSeries:count 1 i,lastObservedTime 2 MicroTime
    Event:metadata 1 ObjectMeta!,eventTime 2 MicroTime,series 3 EventSeries?,reportingController 4 s,\
    reportingInstance 5 s,action 6 s,reason 7 s,regarding 8 ObjectReference,related 9 ObjectReference?,note 10 s,type 11 s
    """
