/** What tabs and the worker that has their stream of changes say to each other. */

/** The address of the stream. */
export const CHANGES = "/api/v1/events";

/** What a tab gets. */
export type ChangesMessage =
  | { readonly kind: "open" }
  /** The stream has ended, or could not begin. */
  | { readonly kind: "error" }
  | { readonly kind: "change"; readonly data: string };

/** What a tab asks for. */
export type TabMessage = "follow" | "leave";
