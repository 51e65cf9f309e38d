import Text

/// Texts as they may stand within others, as Go's templates write them (pkg.go.dev/text/template).
enum TextEscaping {
    /// Between the tags of HTML, and in its attributes.
    static func html(_ text: String) -> String {
        replaced(text) { scalar in
            switch scalar {
            case "\0": "\u{FFFD}"
            case "\"": "&#34;"
            case "'": "&#39;"
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            default: nil
            }
        }
    }

    /// Within the quotes of a string of JavaScript.
    static func javaScript(_ text: String) -> String {
        replaced(text) { scalar in
            switch scalar {
            case "\\", "'", "\"": "\\\(scalar)"
            case "<", ">", "&", "=", "\0"..<" ": numbered(scalar)
            default: isShown(scalar) ? nil : numbered(scalar)
            }
        }
    }

    /// In the query of a URL: a form's value (html.spec.whatwg.org, application/x-www-form-urlencoded).
    static func urlQuery(_ text: String) -> String {
        PercentEncoding.encoded(text).replacing("%20", with: "+")
    }

    private static func replaced(_ text: String, _ replacement: (Unicode.Scalar) -> String?) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if let other = replacement(scalar) {
                escaped.append(contentsOf: other.unicodeScalars)
            } else {
                escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    /// `\u003C`, with at least four digits.
    private static func numbered(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// Letters, marks, numbers, punctuation and symbols; of what is not ASCII the others are written as numbers.
    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        guard !scalar.isASCII else { return true }
        return switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            false
        default: true
        }
    }
}
