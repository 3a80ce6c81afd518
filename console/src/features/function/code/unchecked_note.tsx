import { Note } from "../../../parts/states.tsx";
import { visibleText } from "../../../parts/values.tsx";

/** Says that the types of a commit are not known, which is no violation in them. */
export function UncheckedNote({ reason }: { readonly reason: string | undefined }) {
  return reason === undefined
    ? null
    : <Note tone="warn">Types not checked: {visibleText(reason)}.</Note>;
}
