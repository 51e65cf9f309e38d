import CNetlink

/// A name of the kernel's headers for an attribute; those for links and addresses are plain numbers there.
protocol AttributeKind {
    var number: UInt16 { get }
}

extension AttributeKind where Self: RawRepresentable<UInt32> {
    var number: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
}

extension Int: AttributeKind {
    var number: UInt16 { UInt16(truncatingIfNeeded: self) }
}

extension nlmsgerr_attrs: AttributeKind {}
extension nft_chain_attributes: AttributeKind {}
extension nft_cmp_attributes: AttributeKind {}
extension nft_data_attributes: AttributeKind {}
extension nft_expr_attributes: AttributeKind {}
extension nft_hook_attributes: AttributeKind {}
extension nft_immediate_attributes: AttributeKind {}
extension nft_list_attributes: AttributeKind {}
extension nft_match_attributes: AttributeKind {}
extension nft_meta_attributes: AttributeKind {}
extension nft_payload_attributes: AttributeKind {}
extension nft_rule_attributes: AttributeKind {}
extension nft_table_attributes: AttributeKind {}
extension nft_verdict_attributes: AttributeKind {}
