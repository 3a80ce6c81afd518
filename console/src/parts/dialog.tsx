import { Dialog as Base } from "@base-ui/react/dialog";
import { type FormEvent, type ReactNode, useState } from "react";
import { Button } from "./button.tsx";
import { TextField } from "./field.tsx";
import { Icon } from "./icon.tsx";
import { ErrorNote } from "./states.tsx";

export interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly children?: ReactNode;
  readonly size?: "small" | "large" | "full";
  /** Keeps the dialog open on Escape and on a click beside it, as for one with typed text. */
  readonly sticky?: boolean;
}

export function Dialog(
  {
    open,
    onClose,
    title,
    description,
    children,
    size = "small",
    sticky = false,
  }: DialogProps,
) {
  return (
    <Base.Root
      open={open}
      onOpenChange={(next, { reason }) => {
        if (!next && !(sticky && reason === "escape-key")) onClose();
      }}
      disablePointerDismissal={sticky}
    >
      <Base.Portal>
        <Base.Backdrop className="dialog-backdrop" />
        <Base.Popup className={`dialog dialog-${size}`}>
          <header className="dialog-head">
            <Base.Title className="dialog-title">{title}</Base.Title>
            <Base.Close
              className="button button-plain button-icon"
              aria-label="Close"
            >
              <Icon name="close" />
            </Base.Close>
          </header>
          {description === undefined ? null : (
            <Base.Description className="muted" render={<div />}>
              {description}
            </Base.Description>
          )}
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

export interface ConfirmDialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly children: ReactNode;
  /** The verb of the button, such as "Delete". */
  readonly action: string;
  readonly danger?: boolean;
  /** What has to be typed before the button works, as the name of what is deleted. */
  readonly typed?: string;
  readonly onConfirm: () => Promise<unknown>;
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
    <Dialog open={props.open} onClose={close} title={props.title}>
      <form className="stack" onSubmit={(event) => void confirm(event)}>
        <div>{props.children}</div>
        {props.typed === undefined ? null : (
          <TextField
            label={`Type ${props.typed} to confirm`}
            value={text}
            onChange={setText}
          />
        )}
        {state.error === undefined ? null : <ErrorNote error={state.error} />}
        <div className="actions">
          <Button onClick={close}>Cancel</Button>
          <Button
            type="submit"
            look={props.danger === true ? "danger" : "primary"}
            busy={state.busy}
            disabled={!isTyped}
          >
            {props.action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
