import type { ReactNode } from "react";
import { Button } from "./button.tsx";
import { visibleText } from "./format.ts";
import { errorText, isDenied } from "./violations.ts";

/** Holds the space of content that is on its way. */
export function Loading({ rows = 6 }: { readonly rows?: number }) {
  return (
    <div className="loading" role="status" aria-label="Loading">
      {Array.from(
        { length: rows },
        (_, index) => <span key={index} className="loading-row" />,
      )}
    </div>
  );
}

/** What a list says that has nothing to show, and what to do about it. */
export function Empty({ title, children, action }: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children === undefined ? null : <div className="muted">{children}</div>}
      {action}
    </div>
  );
}

/** A filter that is set, and what clears it alone. */
interface ActiveFilter {
  /** Such as `status: Error`. */
  readonly label: string;
  readonly onClear: () => void;
}

/** What a list says that the filters leave empty: each filter can be cleared alone. */
export function NoMatch({ title, filters, onClear }: {
  readonly title: string;
  readonly filters: readonly ActiveFilter[];
  readonly onClear: () => void;
}) {
  return (
    <Empty
      title={title}
      action={
        <span className="row">
          {filters.map(({ label, onClear }) => (
            <Button key={label} onClick={onClear}>Clear {visibleText(label)}</Button>
          ))}
          {filters.length === 1
            ? null
            : <Button look="primary" onClick={onClear}>Clear all filters</Button>}
        </span>
      }
    >
      {filters.length === 1
        ? "Clear the filter to see everything."
        : `${
          filters.length === 2 ? "Both" : `All ${filters.length}`
        } filters apply at once. Clear one to see more.`}
    </Empty>
  );
}

/** An error in place of content, or above a form. */
export function ErrorNote({ error, onRetry }: {
  readonly error: unknown;
  readonly onRetry?: () => void;
}) {
  return (
    <div className="note note-bad" role="alert">
      <span className="note-text">
        {visibleText(errorText(error))}
      </span>
      {onRetry === undefined ? null : <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

export function Note({ tone = "quiet", children }: {
  readonly tone?: "quiet" | "warn";
  readonly children: ReactNode;
}) {
  return <div className={`note note-${tone}`}>{children}</div>;
}

interface Query<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  refetch(): unknown;
}

/** The content of a query, or its loading or error state. An error does not hide data that is there, unless it denies them. */
export function Loaded<T>({ query, children, loading }: {
  readonly query: Query<T>;
  readonly children: (data: T) => ReactNode;
  readonly loading?: ReactNode;
}) {
  const { data, error } = query;
  if (isDenied(error)) {
    return <p className="muted" title={errorText(error)}>Your roles do not let you see this.</p>;
  }
  if (data !== undefined) return <>{children(data)}</>;
  if (error !== null && error !== undefined) {
    return <ErrorNote error={error} onRetry={() => void query.refetch()} />;
  }
  return <>{loading ?? <Loading />}</>;
}
