import type { ReactNode } from "react";

/** A number that a page begins with, and what it counts. */
export function Figure({ label, value, isBad = false }: {
  readonly label: string;
  readonly value: ReactNode;
  readonly isBad?: boolean;
}) {
  return (
    <div>
      <div className={`figure-value ${isBad ? "figure-bad" : ""}`}>{value}</div>
      <div className="figure-label">{label}</div>
    </div>
  );
}
