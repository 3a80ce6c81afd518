import { type RefObject, useEffect } from "react";

/** Once a form was rejected: moves the focus to its first field with a fault, wherever the reader is. */
export function useFirstFault(error: unknown, container: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (error === undefined) return;
    const fault = container.current?.querySelector(".field-error");
    fault?.closest(".field, fieldset, form")?.querySelector<HTMLElement>("input, select, textarea")
      ?.focus();
    // The fault is below the field, where a bar or the end of a dialog may hide it.
    fault?.scrollIntoView({ block: "nearest" });
  }, [error, container]);
}
