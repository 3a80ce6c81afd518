import type { ReactNode } from "react";
import { visibleText } from "../../../parts/values.tsx";

/** Opens a file of a list. */
export function FileButton({ path, isShown, isFailing = false, onOpen, children }: {
  readonly path: string;
  readonly isShown: boolean;
  /** Whether something is wrong in the file. */
  readonly isFailing?: boolean;
  readonly onOpen: (path: string) => void;
  /** What is said of the file. */
  readonly children?: ReactNode;
}) {
  return (
    <button
      type="button"
      className="function-file-name"
      aria-current={isShown ? "true" : undefined}
      onClick={() => onOpen(path)}
    >
      <bdi className={isFailing ? "function-failing" : ""}>{visibleText(path)}</bdi>
      {children}
    </button>
  );
}
