import type { Field } from "../../resources/field.ts";
import { FUNCTION_SETTINGS } from "../../resources/functions.ts";

const SETTINGS: Readonly<Record<string, Field>> = FUNCTION_SETTINGS;

/** The name that `invoked.json` and the flags have for a field of a function in the API. */
export function fieldName(field: string): string {
  if (field === "publishedCommitId") return "published commit";
  return SETTINGS[field]?.file ?? field;
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
