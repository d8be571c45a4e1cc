// SPDX-License-Identifier: Apache-2.0
// Holds the release number. Everything else lies in the folders beside this file.

/// The release of mimd, as `mimd --version` and Software Version (XEP-0092) report it.
public let mimdVersion = "0.1.0"
