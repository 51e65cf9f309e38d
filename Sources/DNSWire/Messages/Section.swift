/// The three sections of records of a message.
package enum Section: Int, BitwiseCopyable {
    case answer
    case authority
    case additional
}
