package import Corefile
package import DNSServer

/// Names the folder that relative paths of the block begin at; the plan has applied it already.
package final class RootPlugin: Plugin {
    package static let directive = "root"

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        if let directive = check.only(directives) {
            check.attempt(try directive.expectCount(1))
            check.attempt(try directive.noBlock())
        }
        try check.finish()
    }
}
