import { Button } from "../../parts/button.tsx";
import { Note } from "../../parts/states.tsx";
import type { Edits } from "./edits.ts";

/** Says which of the edited values somebody else has changed, if any. */
export function ConflictNote<D>({ edits: { conflicts, takeTheirs }, words }: {
  readonly edits: Pick<Edits<D>, "conflicts" | "takeTheirs">;
  /** The values as the form calls them. */
  readonly words: Readonly<Record<string, string>>;
}) {
  if (conflicts.length === 0) return null;
  const names = [...new Set(conflicts.map((name) => words[name] ?? name))];
  return (
    <Note tone="warn">
      <span>
        Changed elsewhere since you began: {names.join(", ")}. Save keeps yours.
      </span>
      <Button onClick={takeTheirs}>Take theirs</Button>
    </Note>
  );
}
