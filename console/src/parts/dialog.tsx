import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { fromServer } from "../browser/connection.ts";
import { Button, CancelButton } from "./button.tsx";
import type { DialogProps } from "./dialog_popup.tsx";
import { type FieldOf, fieldsOf, TextField } from "./field.tsx";
import { visibleText } from "./format.ts";
import { ErrorNote } from "./states.tsx";
import { toast } from "./toasts.tsx";
import { remainingError, violationOf } from "./violations.ts";

// No page shows a dialog at first.
const DialogPopup = lazy(async () => ({
  default: (await fromServer(() => import("./dialog_popup.tsx"))).DialogPopup,
}));

/** A dialog over the page; it keeps the focus and gives it back. Its code loads when it opens first. */
export function Dialog(props: DialogProps) {
  const [wasOpen, setWasOpen] = useState(props.open);
  if (props.open && !wasOpen) setWasOpen(true);
  useFocusBack(props.open);
  if (!wasOpen) return null;
  return (
    <Suspense>
      <DialogPopup {...props} />
    </Suspense>
  );
}

/** What had the focus when a dialog opened; for a dialog within or after another one also what had it before that. */
type Openers = readonly (Element | null)[];

/** What had the focus before the dialogs that are open now, or were last. */
let opener: Element | null = null;

/** Gives the focus back to what had it when the dialog opened, whether the dialog closes or goes with its page. */
function useFocusBack(open: boolean): void {
  const openers = useRef<Openers>(undefined);
  // Before a field of the dialog takes the focus.
  if (open) openers.current ??= openersIn(document);
  useEffect(() => {
    if (!open) return;
    return () => {
      giveFocusBack(openers.current ?? [], CLOSING_FRAMES);
      openers.current = undefined;
    };
  }, [open]);
}

function openersIn({ activeElement, body }: Document): Openers {
  // An item of a menu is gone by then, but not the button of the menu.
  const menu = activeElement?.closest("[role=menu]")?.getAttribute("aria-labelledby") ?? "";
  const focused = document.getElementById(menu) ?? activeElement;
  if (focused !== body && focused?.closest(".dialog") === null) opener = focused;
  return [focused === body ? null : focused, opener];
}

/** Frames within which a dialog that closes is gone; the page is inert until then. */
const CLOSING_FRAMES = 20;

function giveFocusBack(openers: Openers, frames: number): void {
  requestAnimationFrame(() => {
    giveFocus(openers.find((element) => element?.isConnected === true));
    const isClosing = document.activeElement?.closest(".dialog") !== null;
    if (isClosing && frames > 0) giveFocusBack(openers, frames - 1);
  });
}

/** Gives the focus to an element that had it, unless another element has taken it. */
export function giveFocus(element: Element | null | undefined): void {
  if (document.activeElement !== document.body) return;
  if (element instanceof HTMLElement && element.isConnected) element.focus();
}

/** What a form shows at one of its fields, by the field's name in the request. */
export type Violation = (field: string) => string | undefined;

/** Submits a form, and keeps why that failed until the next attempt. */
export function useSubmit(run: () => Promise<unknown>) {
  const [state, setState] = useState<{ busy: boolean; error?: unknown }>({ busy: false });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setState({ busy: true });
    try {
      await run();
      setState({ busy: false });
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  return {
    ...state,
    submit: (event: FormEvent) => void submit(event),
    reset: () => setState({ busy: false }),
  };
}

interface FormDialogProps extends Omit<DialogProps, "open" | "children"> {
  readonly open?: boolean;
  /** The verb of the button, such as "Create". */
  readonly action: string;
  readonly danger?: boolean;
  /** The button that leaves all as it is, where "Cancel" would read as what the dialog asks about. */
  readonly dismiss?: string | undefined;
  /** Whether a field of the dialog lacks what the action needs. */
  readonly disabled?: boolean;
  /** The fields of the request whose violations the content shows; the form shows any other error itself. */
  readonly fields?: readonly string[];
  readonly children: (violation: Violation) => ReactNode;
  /** Does what the dialog is for. Without `refresh` it also closes the dialog, or shows what came of it. */
  readonly onSubmit: () => Promise<unknown>;
  /** The key of the queries that show what has changed: they are read again, and then the dialog closes. */
  readonly refresh?: QueryKey;
  /** What a toast then reports. */
  readonly done?: string;
  /** What the toast recommends to do next. */
  readonly next?: string;
}

/** A form over the page; it stays open and shows the error if what it asks for fails. */
export function FormDialog(
  {
    open = true,
    action,
    danger = false,
    dismiss,
    disabled = false,
    fields = [],
    children,
    onSubmit,
    refresh,
    done,
    next,
    ...dialog
  }: FormDialogProps,
) {
  const queries = useQueryClient();
  const { busy, error, submit, reset } = useSubmit(async () => {
    await onSubmit();
    if (refresh === undefined) return;
    await queries.invalidateQueries({ queryKey: refresh });
    dialog.onClose();
    if (done !== undefined) toast(done, next === undefined ? {} : { description: next });
  });
  const close = () => {
    reset();
    dialog.onClose();
  };
  const rest = remainingError(error, fields);
  return (
    <Dialog {...dialog} open={open} onClose={close}>
      <form className="stack" onSubmit={submit}>
        {children((field) => violationOf(error, field))}
        {rest === undefined ? null : <ErrorNote error={rest} />}
        <div className="actions dialog-foot">
          <CancelButton>{dismiss}</CancelButton>
          <Button
            type="submit"
            look={danger ? "danger" : "primary"}
            busy={busy}
            disabled={disabled}
          >
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface DraftDialogProps<D>
  extends Omit<FormDialogProps, "unsaved" | "disabled" | "fields" | "children" | "onSubmit"> {
  /** Where the request has other names for the fields than the draft. */
  readonly fields?: readonly string[];
  /** What the fields begin with. */
  readonly start: D;
  /** Whether the draft has what the action needs. */
  readonly canSubmit?: (draft: D, isChanged: boolean) => boolean;
  readonly children: (form: {
    readonly draft: D;
    readonly edit: (change: Partial<D>) => void;
    /** What a field gets for a member of the draft. */
    readonly field: FieldOf<D>;
    readonly violation: Violation;
  }) => ReactNode;
  readonly onSubmit: (draft: D) => Promise<unknown>;
}

/** A form over the page with a draft of what it creates or changes. */
export function DraftDialog<D extends object>(
  { start, canSubmit = () => true, fields, children, onSubmit, ...form }: DraftDialogProps<D>,
) {
  const [initial] = useState(start);
  const [draft, setDraft] = useState(initial);
  const edit = (change: Partial<D>) => setDraft((before) => ({ ...before, ...change }));
  const isChanged = JSON.stringify(draft) !== JSON.stringify(initial);
  return (
    <FormDialog
      {...form}
      fields={fields ?? Object.keys(initial)}
      unsaved={isChanged}
      disabled={!canSubmit(draft, isChanged)}
      onSubmit={() => onSubmit(draft)}
    >
      {(violation) => children({ draft, edit, violation, field: fieldsOf(draft, edit, violation) })}
    </FormDialog>
  );
}

interface ConfirmDialogProps extends Omit<FormDialogProps, "fields" | "children" | "onSubmit"> {
  readonly children: ReactNode;
  /** What has to be typed before the button works, as the name of what is deleted. */
  readonly typed?: string;
  readonly onConfirm: () => Promise<unknown>;
}

/** The name if a keyboard can type it as it is shown, else the id. */
export function typeableName(displayName: string, id: string): string {
  const isTypeable = visibleText(displayName) === displayName && /^\S+(?: \S+)*$/.test(displayName);
  return isTypeable ? displayName : id;
}

/** Asks before something that cannot be undone, and closes once it is done. */
export function ConfirmDialog(
  { children, typed, disabled = false, onConfirm, ...form }: ConfirmDialogProps,
) {
  const [text, setText] = useState("");
  const close = () => {
    setText("");
    form.onClose();
  };
  const confirm = async () => {
    await onConfirm();
    if (form.refresh === undefined) close();
  };
  return (
    <FormDialog
      {...form}
      onClose={close}
      disabled={disabled || (typed !== undefined && text !== typed)}
      onSubmit={confirm}
    >
      {() => (
        <>
          <div>{children}</div>
          {typed === undefined ? null : (
            <TextField
              label={`Type ${visibleText(typed)} to confirm`}
              value={text}
              onChange={setText}
            />
          )}
        </>
      )}
    </FormDialog>
  );
}

interface ResourceDialogProps extends Omit<ConfirmDialogProps, "title" | "action" | "done"> {
  /** What it asks about, such as "trust". */
  readonly what: string;
}

/** Asks before something is deleted, or revoked. */
export function DeleteDialog({ what, verb = "Delete", ...dialog }: ResourceDialogProps & {
  readonly verb?: "Delete" | "Revoke";
}) {
  const noun = what.charAt(0).toUpperCase() + what.slice(1);
  return (
    <ConfirmDialog
      {...dialog}
      title={`${verb} this ${what}?`}
      action={verb}
      danger
      done={`${noun} ${verb === "Delete" ? "deleted" : "revoked"}`}
    />
  );
}

/** Asks before something is disabled, or enabled again. */
export function ToggleDialog(
  { what, isDisabled, onToggle, ...dialog }: Omit<ResourceDialogProps, "onConfirm"> & {
    readonly isDisabled: boolean;
    readonly onToggle: (disabled: boolean) => Promise<unknown>;
  },
) {
  const action = toggleVerb(isDisabled);
  return (
    <ConfirmDialog
      {...dialog}
      title={`${action} this ${what}?`}
      action={action}
      danger={!isDisabled}
      onConfirm={() => onToggle(!isDisabled)}
    />
  );
}

/** What a reader may do to something that is disabled, or is not. */
export function toggleVerb(isDisabled: boolean): "Enable" | "Disable" {
  return isDisabled ? "Enable" : "Disable";
}
