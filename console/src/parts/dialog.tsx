import { type FormEvent, lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { fromServer } from "../browser/connection.ts";
import { Button, CancelButton } from "./button.tsx";
import type { DialogProps } from "./dialog_popup.tsx";
import { TextField } from "./field.tsx";
import { visibleText } from "./format.ts";
import { ErrorNote } from "./states.tsx";

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

interface ConfirmDialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly children: ReactNode;
  /** The verb of the button, such as "Delete". */
  readonly action: string;
  readonly danger?: boolean;
  /** The button that leaves all as it is, where "Cancel" would read as what the dialog asks about. */
  readonly dismiss?: string;
  /** For a dialog with fields: whether closing it would lose what was typed into them. */
  readonly unsaved?: boolean;
  /** What has to be typed before the button works, as the name of what is deleted. */
  readonly typed?: string;
  /** Whether a field of the dialog lacks what the action needs. */
  readonly disabled?: boolean;
  readonly onConfirm: () => Promise<unknown>;
}

/** The name if a keyboard can type it as it is shown, else the id. */
export function typeableName(displayName: string, id: string): string {
  const isTypeable = visibleText(displayName) === displayName && /^\S+(?: \S+)*$/.test(displayName);
  return isTypeable ? displayName : id;
}

/** Asks before something that cannot be undone; stays open and shows the error if it fails. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const [text, setText] = useState("");
  const [state, setState] = useState<{ busy: boolean; error?: unknown }>({
    busy: false,
  });
  const close = () => {
    setText("");
    setState({ busy: false });
    props.onClose();
  };
  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    setState({ busy: true });
    try {
      await props.onConfirm();
      close();
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  const isTyped = props.typed === undefined || text === props.typed;
  return (
    <Dialog
      open={props.open}
      onClose={close}
      title={props.title}
      {...(props.unsaved === undefined ? {} : { unsaved: props.unsaved })}
    >
      <form className="stack" onSubmit={(event) => void confirm(event)}>
        <div>{props.children}</div>
        {props.typed === undefined ? null : (
          <TextField
            label={`Type ${visibleText(props.typed)} to confirm`}
            value={text}
            onChange={setText}
          />
        )}
        {state.error === undefined ? null : <ErrorNote error={state.error} />}
        <div className="actions">
          <CancelButton>{props.dismiss}</CancelButton>
          <Button
            type="submit"
            look={props.danger === true ? "danger" : "primary"}
            busy={state.busy}
            disabled={!isTyped || props.disabled === true}
          >
            {props.action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
