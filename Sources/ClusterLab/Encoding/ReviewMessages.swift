/// Questions about access and identity, in the words of `messageTable`.
let reviewMessages = """
    SelfSubjectAccessReview:metadata 1 ObjectMeta,spec 2 SelfSubjectAccessReviewSpec!,\
    status 3 SubjectAccessReviewStatus
    SelfSubjectAccessReviewSpec:resourceAttributes 1 ResourceAttributes?,\
    nonResourceAttributes 2 NonResourceAttributes?
    ResourceAttributes:namespace 1 s,verb 2 s,group 3 s,version 4 s,resource 5 s,subresource 6 s,name 7 s,\
    fieldSelector 8 FieldSelectorAttributes?,labelSelector 9 LabelSelectorAttributes?
    FieldSelectorAttributes:rawSelector 1 s,requirements 2 []FieldSelectorRequirement
    LabelSelectorAttributes:rawSelector 1 s,requirements 2 []LabelSelectorRequirement
    FieldSelectorRequirement:key 1 s!,operator 2 s!,values 3 []s
    NonResourceAttributes:path 1 s,verb 2 s
    SubjectAccessReviewStatus:allowed 1 b!,denied 4 b,reason 2 s,evaluationError 3 s
    SubjectAccessReview:metadata 1 ObjectMeta,spec 2 SubjectAccessReviewSpec!,status 3 SubjectAccessReviewStatus
    SubjectAccessReviewSpec:resourceAttributes 1 ResourceAttributes?,nonResourceAttributes 2 NonResourceAttributes?,\
    user 3 s,groups 4 []s,uid 6 s
    SelfSubjectRulesReview:metadata 1 ObjectMeta,spec 2 SelfSubjectRulesReviewSpec!,status 3 SubjectRulesReviewStatus
    SelfSubjectRulesReviewSpec:namespace 1 s
    SubjectRulesReviewStatus:resourceRules 1 []ResourceRule!,nonResourceRules 2 []NonResourceRule!,incomplete 3 b!,\
    evaluationError 4 s
    ResourceRule:verbs 1 []s!,apiGroups 2 []s,resources 3 []s,resourceNames 4 []s
    NonResourceRule:verbs 1 []s!,nonResourceURLs 2 []s
    SelfSubjectReview:metadata 1 ObjectMeta,status 2 SelfSubjectReviewStatus
    SelfSubjectReviewStatus:userInfo 1 UserInfo
    UserInfo:username 1 s,uid 2 s,groups 3 []s
    TokenReview:metadata 1 ObjectMeta,spec 2 TokenReviewSpec!,status 3 TokenReviewStatus
    TokenReviewSpec:token 1 s,audiences 2 []s
    TokenReviewStatus:authenticated 1 b,user 2 UserInfo,audiences 4 []s,error 3 s
    """
