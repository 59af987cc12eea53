import CPublicSuffix

/// Whether strangers share this domain, as they share `co.uk` or `github.io`: a cookie for it would reach them all.
///
/// By the list of the Public Suffix project, as the system's libpsl has it. Without the list every domain counts as shared.
func isPublicSuffix(_ domain: String) -> Bool {
    guard let list = psl_builtin() else { return true }
    return psl_is_public_suffix(list, domain) != 0
}
