# SPDX-License-Identifier: Apache-2.0
# What the tests are written with: servers, clients on slixmpp, raw streams.
