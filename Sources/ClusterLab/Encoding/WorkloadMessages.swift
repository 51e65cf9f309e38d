/// Pod templates and the workloads that make pods of them, in the words of `messageTable`.
let workloadMessages = """
    PodTemplateSpec:metadata 1 ObjectMeta,spec 2 PodSpec
    Deployment:metadata 1 ObjectMeta,spec 2 DeploymentSpec,status 3 DeploymentStatus
    DeploymentSpec:replicas 1 i?,selector 2 LabelSelector?,template 3 PodTemplateSpec!,strategy 4 DeploymentStrategy,\
    minReadySeconds 5 i,revisionHistoryLimit 6 i?,paused 7 b,progressDeadlineSeconds 9 i?
    DeploymentStrategy:type 1 s,rollingUpdate 2 RollingUpdateDeployment?
    RollingUpdateDeployment:maxUnavailable 1 IntOrString?,maxSurge 2 IntOrString?
    DeploymentStatus:observedGeneration 1 i,replicas 2 i,updatedReplicas 3 i,readyReplicas 7 i,availableReplicas 4 i,\
    unavailableReplicas 5 i,terminatingReplicas 9 i?,conditions 6 []DeploymentCondition,collisionCount 8 i?
    DeploymentCondition:type 1 s!,status 2 s!,lastUpdateTime 6 Time!,lastTransitionTime 7 Time!,reason 4 s,message 5 s
    ReplicaSet:metadata 1 ObjectMeta,spec 2 ReplicaSetSpec,status 3 ReplicaSetStatus
    ReplicaSetSpec:replicas 1 i?,minReadySeconds 4 i,selector 2 LabelSelector?,template 3 PodTemplateSpec
    ReplicaSetStatus:replicas 1 i!,fullyLabeledReplicas 2 i,readyReplicas 4 i,availableReplicas 5 i,\
    terminatingReplicas 7 i?,observedGeneration 3 i,conditions 6 []ReplicaSetCondition
    ReplicaSetCondition:type 1 s!,status 2 s!,lastTransitionTime 3 Time!,reason 4 s,message 5 s
    StatefulSet:metadata 1 ObjectMeta,spec 2 StatefulSetSpec,status 3 StatefulSetStatus
    StatefulSetSpec:replicas 1 i?,selector 2 LabelSelector?,template 3 PodTemplateSpec!,\
    volumeClaimTemplates 4 []PersistentVolumeClaim,serviceName 5 s!,podManagementPolicy 6 s,\
    updateStrategy 7 StatefulSetUpdateStrategy,revisionHistoryLimit 8 i?,minReadySeconds 9 i,\
    persistentVolumeClaimRetentionPolicy 10 StatefulSetPersistentVolumeClaimRetentionPolicy?,\
    ordinals 11 StatefulSetOrdinals?
    PersistentVolumeClaim:metadata 1 ObjectMeta,spec 2 PersistentVolumeClaimSpec,status 3 PersistentVolumeClaimStatus
    PersistentVolumeClaimStatus:phase 1 s,accessModes 2 []s,capacity 3 map/Q,\
    conditions 4 []PersistentVolumeClaimCondition,allocatedResources 5 map/Q,allocatedResourceStatuses 7 map/s,\
    currentVolumeAttributesClassName 8 s?,modifyVolumeStatus 9 ModifyVolumeStatus?,healthStatus 10 VolumeHealthStatus?
    PersistentVolumeClaimCondition:type 1 s!,status 2 s!,lastProbeTime 3 Time!,lastTransitionTime 4 Time!,reason 5 s,\
    message 6 s
    ModifyVolumeStatus:targetVolumeAttributesClassName 1 s,status 2 s!
    VolumeHealthStatus:healthConditions 1 []VolumeHealthCondition,lastTransitionTime 2 Time!
    StatefulSetUpdateStrategy:type 1 s,rollingUpdate 2 RollingUpdateStatefulSetStrategy?
    RollingUpdateStatefulSetStrategy:partition 1 i?,maxUnavailable 2 IntOrString?
    StatefulSetPersistentVolumeClaimRetentionPolicy:whenDeleted 1 s,whenScaled 2 s
    StatefulSetOrdinals:start 1 i!
    StatefulSetStatus:observedGeneration 1 i,replicas 2 i!,readyReplicas 3 i,currentReplicas 4 i,updatedReplicas 5 i,\
    currentRevision 6 s,updateRevision 7 s,collisionCount 9 i?,conditions 10 []StatefulSetCondition,\
    availableReplicas 11 i!
    StatefulSetCondition:type 1 s!,status 2 s!,lastTransitionTime 3 Time!,reason 4 s,message 5 s
    DaemonSet:metadata 1 ObjectMeta,spec 2 DaemonSetSpec,status 3 DaemonSetStatus
    DaemonSetSpec:selector 1 LabelSelector?,template 2 PodTemplateSpec!,updateStrategy 3 DaemonSetUpdateStrategy,\
    minReadySeconds 4 i,revisionHistoryLimit 6 i?
    DaemonSetUpdateStrategy:type 1 s,rollingUpdate 2 RollingUpdateDaemonSet?
    RollingUpdateDaemonSet:maxUnavailable 1 IntOrString?,maxSurge 2 IntOrString?
    DaemonSetStatus:currentNumberScheduled 1 i!,numberMisscheduled 2 i!,desiredNumberScheduled 3 i!,numberReady 4 i!,\
    observedGeneration 5 i,updatedNumberScheduled 6 i,numberAvailable 7 i,numberUnavailable 8 i,collisionCount 9 i?,\
    conditions 10 []DaemonSetCondition
    DaemonSetCondition:type 1 s!,status 2 s!,lastTransitionTime 3 Time!,reason 4 s,message 5 s
    ReplicationController:metadata 1 ObjectMeta,spec 2 ReplicationControllerSpec,status 3 ReplicationControllerStatus
    ReplicationControllerSpec:replicas 1 i?,minReadySeconds 4 i,selector 2 map/s,template 3 PodTemplateSpec?
    ReplicationControllerStatus:replicas 1 i!,fullyLabeledReplicas 2 i,readyReplicas 4 i,availableReplicas 5 i,\
    observedGeneration 3 i,conditions 6 []ReplicationControllerCondition
    ReplicationControllerCondition:type 1 s!,status 2 s!,lastTransitionTime 3 Time!,reason 4 s,message 5 s
    Scale:metadata 1 ObjectMeta,spec 2 ScaleSpec,status 3 ScaleStatus
    ScaleSpec:replicas 1 i
    ScaleStatus:replicas 1 i!,selector 2 s
    """
