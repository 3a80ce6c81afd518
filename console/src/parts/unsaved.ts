import { useBlocker } from "@tanstack/react-router";
import { useRef } from "react";

/**
 * Asks before the page is left with unsaved changes.
 * @param what what is not saved, as it follows "Leave without saving"
 * @returns lets the form leave without a question, once it is saved or cancelled
 */
export function useUnsaved(isDirty: boolean, what: string): () => void {
  const isDone = useRef(false);
  useBlocker({
    shouldBlockFn: ({ current, next }) => {
      // Another part of the page is no other page.
      const isSame = current.pathname === next.pathname &&
        JSON.stringify(current.search) === JSON.stringify(next.search);
      return !isSame && !isDone.current && !globalThis.confirm(`Leave without saving ${what}?`);
    },
    enableBeforeUnload: isDirty,
    disabled: !isDirty,
  });
  return () => {
    isDone.current = true;
  };
}
