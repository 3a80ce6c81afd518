import { useWindowVirtualizer } from "@tanstack/react-virtual";
import {
  type CSSProperties,
  type MouseEvent,
  type ReactNode,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Button } from "./button.tsx";
import { visibleText } from "./format.ts";
import { useRowKeys } from "./row_keys.ts";
import { fixedWidth, type Lines, linesOf, useTableWidth } from "./table_lines.ts";
import { errorText } from "./violations.ts";

/** Shorter tables are drawn whole. */
const VIRTUAL_FROM = 100;
/** Rows before the end at which the next page is asked for: more than one screen scrolls past while it loads. */
const LOAD_AHEAD = 100;

export interface Column<T> {
  readonly header: string;
  /** Where several columns may have the same header. */
  readonly id?: string;
  readonly cell: (row: T) => ReactNode;
  /** Of the CSS property; columns without one share what is left. */
  readonly width?: string;
  /** Of a column that shares what is left: the px that it needs to be readable, if more or less than most. */
  readonly readable?: number;
  readonly align?: "end";
  /** Below the others, where the table is too narrow for all of them in one line. */
  readonly minor?: boolean;
  /** Makes the column sortable, among the rows that are loaded. */
  readonly sortBy?: (row: T) => string | number;
}

interface DataTableProps<T> {
  /** What the table lists, for screen readers. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly rowId: (row: T) => string;
  /** Shown without rows. */
  readonly empty: ReactNode;
  readonly more?: {
    readonly hasMore: boolean;
    readonly isLoading: boolean;
    /** Why the last page could not be loaded; the reader asks for it again. */
    readonly error: unknown;
    readonly load: () => void;
  };
  /** It is the main list of its page: j and k move through the rows from anywhere, and its order stays for who comes back. */
  readonly rowKeys?: boolean;
}

/** The further pages of an infinite query, as a table loads them. */
export function moreOf(query: {
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly isFetchNextPageError: boolean;
  readonly error: unknown;
  fetchNextPage(): unknown;
}): NonNullable<DataTableProps<never>["more"]> {
  return {
    hasMore: query.hasNextPage,
    isLoading: query.isFetchingNextPage,
    error: query.isFetchNextPageError ? query.error : undefined,
    load: () => void query.fetchNextPage(),
  };
}

/** The column by which rows are sorted. */
interface Order {
  readonly id: string;
  readonly isDescending: boolean;
}

/** The order of each main list by its label: who opens a row and comes back finds the list as it was. */
const orders = new Map<string, Order | undefined>();

function useOrder(mainList?: string): [Order | undefined, (order: Order | undefined) => void] {
  const [order, setOrder] = useState(() => orders.get(mainList ?? ""));
  const set = useCallback((next: Order | undefined) => {
    if (mainList !== undefined) orders.set(mainList, next);
    setOrder(next);
  }, [mainList]);
  return [order, set];
}

/**
 * Rows of any number, of which the visible ones are drawn. A click anywhere on a row follows its
 * first link, so one cell of each row should hold a link.
 */
export function DataTable<T>(props: DataTableProps<T>) {
  if (props.rows.length === 0 && props.more?.isLoading !== true) return <>{props.empty}</>;
  return <FilledTable {...props} />;
}

function FilledTable<T>(
  { label, columns, rows, rowId, more, rowKeys = false }: DataTableProps<T>,
) {
  const [order, setOrder] = useOrder(rowKeys ? label : undefined);
  const sorted = useMemo(() => sortedRows(rows, columns, order), [rows, columns, order]);
  const [table, width] = useTableWidth(label);
  const lines = useMemo(() => linesOf(columns, width), [columns, width]);
  return (
    <table
      ref={table}
      {...roleOf(lines, "table")}
      className={`table ${lines.count === 1 ? "" : "table-lines"}`}
      aria-label={label}
      aria-rowcount={more?.hasMore ? -1 : rows.length + 1}
    >
      <Head columns={columns} lines={lines} order={order} onSort={setOrder} />
      <Body
        columns={columns}
        lines={lines}
        rows={sorted}
        rowId={rowId}
        rowKeys={rowKeys}
        {...(more === undefined ? {} : { more })}
      />
    </table>
  );
}

function idOf<T>({ id, header }: Column<T>): string {
  return id ?? header;
}

const collator = new Intl.Collator();

/** Equal rows stay in the order in which they came, also in a descending order. */
function sortedRows<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  order: Order | undefined,
): readonly T[] {
  const sortBy = columns.find((column) => idOf(column) === order?.id)?.sortBy;
  if (order === undefined || sortBy === undefined) return rows;
  const sign = order.isDescending ? -1 : 1;
  return rows.map((row) => ({ row, value: sortBy(row) }))
    .toSorted((left, right) => sign * compare(left.value, right.value))
    .map(({ row }) => row);
}

function compare(left: string | number, right: string | number): number {
  return typeof left === "number" && typeof right === "number"
    ? left - right
    : collator.compare(String(left), String(right));
}

function Head<T>({ columns, lines, order, onSort }: {
  readonly columns: readonly Column<T>[];
  readonly lines: Lines;
  readonly order: Order | undefined;
  readonly onSort: (order: Order | undefined) => void;
}) {
  const next = (id: string): Order | undefined => {
    if (order?.id !== id) return { id, isDescending: false };
    return order.isDescending ? undefined : { id, isDescending: true };
  };
  return (
    <thead {...roleOf(lines, "rowgroup")}>
      <tr {...roleOf(lines, "row")}>
        {columns.map((column, index) => {
          const id = idOf(column);
          const isSorted = order?.id === id;
          return (
            <th
              key={id}
              scope="col"
              {...roleOf(lines, "columnheader")}
              className={classOf(column, lines.of[index])}
              style={lines.count === 1 ? { width: column.width } : cellStyle(columns, lines, index)}
              aria-sort={isSorted ? (order.isDescending ? "descending" : "ascending") : undefined}
            >
              {column.sortBy === undefined ? column.header : (
                <button
                  type="button"
                  className="table-sort"
                  onClick={() => onSort(next(id))}
                >
                  {column.header}
                  <span aria-hidden="true">
                    {isSorted ? (order.isDescending ? " ↓" : " ↑") : ""}
                  </span>
                </button>
              )}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

function Body<T>({ columns, lines, rows, rowId, more, rowKeys }: {
  readonly columns: readonly Column<T>[];
  readonly lines: Lines;
  readonly rows: readonly T[];
  readonly rowId: (row: T) => string;
  readonly more?: DataTableProps<T>["more"];
  readonly rowKeys: boolean;
}) {
  const body = useRef<HTMLTableSectionElement>(null);
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => lines.rowHeight,
    overscan: 12,
    scrollMargin: useTop(body),
    enabled: rows.length >= VIRTUAL_FROM,
  });
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, lines.rowHeight]);
  const items = rows.length < VIRTUAL_FROM
    ? rows.map((_, index) => ({ index, start: 0, end: 0 }))
    : virtualizer.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  const isNearEnd = lastShown >= rows.length - LOAD_AHEAD;
  const canLoad = more?.hasMore === true && !more.isLoading && more.error === undefined;
  useEffect(() => {
    if (isNearEnd && canLoad) more.load();
  }, [isNearEnd, canLoad, more]);
  const scrollTo = useCallback((index: number) => virtualizer.scrollToIndex(index), [virtualizer]);
  const onKeyDown = useRowKeys({ body, count: rows.length, scrollTo, everywhere: rowKeys });

  const margin = virtualizer.options.scrollMargin;
  const isVirtual = rows.length >= VIRTUAL_FROM;
  const above = isVirtual ? (items[0]?.start ?? 0) - margin : 0;
  const below = isVirtual ? virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0) + margin : 0;
  return (
    <tbody {...roleOf(lines, "rowgroup")} ref={body} onKeyDown={onKeyDown}>
      <Space height={above} />
      {items.map(({ index }) => {
        const row = rows[index];
        return row === undefined ? null : (
          <tr
            key={rowId(row)}
            {...roleOf(lines, "row")}
            aria-rowindex={index + 2}
            onClick={followLink}
          >
            {columns.map((column, at) => (
              <td
                key={idOf(column)}
                {...roleOf(lines, "cell")}
                className={classOf(column, lines.of[at])}
                style={lines.count === 1 ? undefined : cellStyle(columns, lines, at)}
              >
                {column.cell(row)}
              </td>
            ))}
          </tr>
        );
      })}
      <Space height={below} />
      {more === undefined ? null : <End more={more} />}
    </tbody>
  );
}

/** Below the last row that is loaded: whether others come. */
function End({ more }: { readonly more: NonNullable<DataTableProps<never>["more"]> }) {
  if (more.isLoading) {
    return (
      <tr>
        <td className="table-end muted">Loading more …</td>
      </tr>
    );
  }
  if (more.error === undefined) return null;
  return (
    <tr>
      <td className="table-end">
        <span className="row" role="alert">
          Loading more failed: {visibleText(errorText(more.error))}
          <Button onClick={more.load}>Try again</Button>
        </span>
      </td>
    </tr>
  );
}

/** The distance of an element from the top of the page, in px; what is above it may change its height. */
function useTop(element: RefObject<HTMLElement | null>): number {
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const rectangle = element.current?.getBoundingClientRect();
    if (rectangle !== undefined) setTop(Math.round(rectangle.top + scrollY));
  });
  return top;
}

/** One cell alone: one for each column would be a column where narrow screens hide some. */
function Space({ height }: { readonly height: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden="true">
      <td className="table-space" style={{ height }} />
    </tr>
  );
}

/** A row of several lines is no row of a table to the browser, so its parts say what they are. */
function roleOf({ count }: Lines, role: string): { readonly role?: string } {
  return count === 1 ? {} : { role };
}

/** Where the cell of a column is in a row of several lines: breaks of lines have the orders between. */
function cellStyle<T>(columns: readonly Column<T>[], { of }: Lines, index: number): CSSProperties {
  const line = of[index] ?? 0;
  const inLine = columns.filter((_, at) => of[at] === line);
  const fixed = inLine.map(fixedWidth);
  const column = columns[index];
  const width = column === undefined ? undefined : fixedWidth(column);
  // Without a column that takes the rest, the last one of the first line keeps to its end.
  const isAtEnd = line === 0 && column === inLine.at(-1) && !fixed.includes(undefined);
  return {
    order: 2 * line,
    flex: width === undefined ? "1 1 0" : `0 1 ${width}px`,
    ...isAtEnd ? { marginLeft: "auto" } : {},
  };
}

function classOf<T>({ align }: Column<T>, line = 0): string {
  return line > 0 ? "cell-below" : align === "end" ? "cell-end" : "";
}

function followLink(event: MouseEvent<HTMLTableRowElement>): void {
  const target = event.target as HTMLElement;
  // A click in a menu or dialog of the row bubbles here through React, though it is elsewhere in the document.
  if (!event.currentTarget.contains(target)) return;
  if (target.closest("a, button, input, label, select") !== null) return;
  if ((getSelection()?.toString() ?? "") !== "") return;
  event.currentTarget.querySelector<HTMLAnchorElement>("a")?.click();
}
