/// The protobuf messages of the served kinds: `Message: jsonName number type, …` in JSON order.
///
/// Types: s string, b bool, i integer, by bytes, Q quantity, `[]x` list, `map/x` map from string,
/// `inline/M` a message whose fields stand in the parent's JSON object, else a message's name.
/// Suffixes: `?` a pointer in Go (absent when unset), `!` written to JSON even when empty.
let messageTable = [
    metaMessages, coreMessages, podMessages, workloadMessages, policyMessages, reviewMessages,
].joined(separator: "\n")

/// What every object has, and what requests and answers are wrapped in.
private let metaMessages = """
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
    TokenRequest:metadata 1 ObjectMeta,spec 2 TokenRequestSpec!,status 3 TokenRequestStatus
    TokenRequestSpec:audiences 1 []s!,expirationSeconds 4 i?,boundObjectRef 3 BoundObjectReference?
    BoundObjectReference:kind 1 s,apiVersion 2 s,name 3 s,uid 4 s
    TokenRequestStatus:token 1 s!,expirationTimestamp 2 Time!
    LabelSelector:matchLabels 1 map/s,matchExpressions 2 []LabelSelectorRequirement
    LabelSelectorRequirement:key 1 s!,operator 2 s!,values 3 []s
    DeleteOptions:gracePeriodSeconds 1 i?,preconditions 2 Preconditions?,orphanDependents 3 b?,\
    propagationPolicy 4 s?,dryRun 5 []s
    Preconditions:uid 1 s?,resourceVersion 2 s?
    PartialObjectMetadata:metadata 1 ObjectMeta!
    """
