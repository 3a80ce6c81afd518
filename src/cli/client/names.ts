/** Fields of a function in the API under the names that `invoked.json` and the flags have for them. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  outboundNetworkAllowlist: "allowlist",
  scopedRoleIds: "roles",
  vfsId: "volume",
  displayName: "name",
  publishedCommitId: "published commit",
};

/** The name that a user gives a field of a function. */
export function fieldName(field: string): string {
  return FIELD_NAMES[field] ?? field;
}

interface Named {
  readonly id: string;
  readonly displayName: string;
}

/** The functions and volumes that a command found by name: its messages show these names in place of ids. */
export class Names {
  readonly #names = new Map<string, string>();

  remember({ id, displayName }: Named): void {
    this.#names.set(id, displayName);
  }

  /** What a user can give a command: the name if the command was given it, otherwise the id. */
  of({ id }: Pick<Named, "id">): string {
    return this.#names.get(id) ?? id;
  }

  /** A message of the server with these names, and with the names of fields in `invoked.json`. */
  in(message: string): string {
    return message
      .replace(/\b[0-9A-Za-z]{27}\b/g, (id) => this.of({ id }))
      .replace(
        /^displayName(?=: )|\bfunction\.([A-Za-z]+)/g,
        (all, field: string = all) => fieldName(field),
      );
  }
}
