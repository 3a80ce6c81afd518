import { Button } from "../../parts/button.tsx";
import { Note } from "../../parts/states.tsx";

/** Says which of the edited values somebody else has changed, if any. */
export function ConflictNote({ conflicts, onTake }: {
  /** The values by their labels in the form. */
  readonly conflicts: readonly string[];
  /** Shows what the others have set. */
  readonly onTake: () => void;
}) {
  if (conflicts.length === 0) return null;
  return (
    <Note tone="warn">
      <span>
        Changed elsewhere since you began: {[...new Set(conflicts)].join(", ")}. Save keeps yours.
      </span>
      <Button onClick={onTake}>Take theirs</Button>
    </Note>
  );
}
