import { type RefObject, useEffect } from "react";

/** Once a form was rejected: moves the focus to its first field with a violation, wherever the reader is. */
export function useFirstViolation(error: unknown, container: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (error === undefined) return;
    const violation = container.current?.querySelector(".field-error");
    violation?.closest(".field, fieldset, form")?.querySelector<HTMLElement>(
      "input, select, textarea",
    )
      ?.focus();
    // The violation is below the field, where a bar or the end of a dialog may hide it.
    violation?.scrollIntoView({ block: "nearest" });
  }, [error, container]);
}
