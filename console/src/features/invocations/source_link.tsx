import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

/** Leads to a line of a file in the commit that ran. */
export function SourceLink(
  { functionId, commitId, file, line, children }: {
    readonly functionId: string;
    readonly commitId: string;
    readonly file: string;
    readonly line: number;
    readonly children: ReactNode;
  },
) {
  return (
    <Link
      to="/functions/$functionId"
      params={{ functionId }}
      search={{ commit: commitId, file, line }}
    >
      {children}
    </Link>
  );
}
