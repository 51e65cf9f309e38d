/// Why octets are not a DNS message.
package enum WireError: Error {
    case truncated
    case badPointer
    case badLabel
    case nameTooLong
}
