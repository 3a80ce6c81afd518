/** The tables of the sessions of browsers, and of the sign-ins of devices that people approve in a session. */

/** A session of the console. */
export interface ConsoleSessionTable {
  id: string;
  /** SHA-256 of the token in the cookie, base64url. */
  tokenHash: string;
  /**
   * How it began: `client` with the link of a client, `person` with the provider, `owner` with a link that the server's
   * host made.
   */
  kind: "client" | "person" | "owner";
  principalId: string;
  /** The client that made its link; the principal for other sessions. */
  clientId: string;
  /** Where the browser signed in from; empty if it is not known. */
  address: string;
  /** As the browser sent it, cut off; empty without the header. */
  userAgent: string;
  createdAt: string;
  expiresAt: string;
}

/** What the provider says of the session of a person. Apart from the session, whose row is kept in memory. */
export interface SessionConfirmationTable {
  sessionId: string;
  /** When the provider last confirmed the person. */
  confirmedAt: string;
  /** From then on the provider must be asked before the session is accepted. */
  confirmAfter: string;
  /** Up to then one node is asking the provider; null while no node is. */
  askingEndsAt: string | null;
  /** The tokens of the provider, sealed under the master key and bound to the session. */
  sealedTokens: Uint8Array;
}

/** A link that begins a session of the console; it goes when it is used. */
export interface SessionLinkTable {
  /** SHA-256 of its code, base64url. */
  codeHash: string;
  /** The kind of its session. */
  kind: "client" | "owner";
  /** The client that made it; empty for a link that the server's host made. */
  clientId: string;
  expiresAt: string;
}

/** A sign-in of a device (RFC 8628), until its device code is redeemed or has expired long ago. */
export interface DeviceCodeTable {
  /** SHA-256 of the device code, base64url. */
  deviceCodeHash: string;
  /** HMAC of the user code, base64url: a plain hash of so short a code could be inverted. */
  userCodeHash: string;
  /** The public client that asks. */
  clientId: string;
  /** JSON array of the role ids that cut the token; empty for all roles of the principal. */
  scopedRoles: string;
  /** IP address of the device. */
  address: string;
  /** The address, or the network of an IPv6 address: its sign-ins are counted together. */
  sender: string;
  state: "pending" | "approved" | "denied";
  /** The principal that approved it; null until then. */
  principalId: string | null;
  /** The client whose session approved it; null for a person, and until then. */
  approverClientId: string | null;
  createdAt: string;
  expiresAt: string;
}

export interface SessionSchema {
  consoleSessions: ConsoleSessionTable;
  sessionConfirmations: SessionConfirmationTable;
  sessionLinks: SessionLinkTable;
  deviceCodes: DeviceCodeTable;
}
