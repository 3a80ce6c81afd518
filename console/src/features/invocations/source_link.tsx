import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

/** Leads to a line of a function's file. */
export function SourceLink(
  { functionId, file, line, children }: {
    readonly functionId: string;
    readonly file: string;
    readonly line: number;
    readonly children: ReactNode;
  },
) {
  return (
    <Link to="/functions/$functionId" params={{ functionId }} search={{ file, line }}>
      {children}
    </Link>
  );
}
