/** Names for the resources of the API. */
import type { components } from "../../../src/resources/schema.d.ts";

export type Schemas = components["schemas"];

/** The server sends these fields always, though C1's document requires none. */
type With<T, K extends keyof T> = T & { [P in K]-?: NonNullable<T[P]> };

export type Fn = With<
  Schemas["c1.api.functions.v1.Function"],
  "id" | "displayName" | "createdAt"
>;
export type Commit = With<
  Schemas["c1.api.functions.v1.FunctionCommit"],
  "id" | "functionId" | "createdAt"
>;
export type Invocation = With<
  Schemas["c1.api.functions.v1.FunctionInvocation"],
  "id" | "functionId" | "commitId" | "status" | "createdAt"
>;
export type InvocationStatus = Schemas["c1.api.functions.v1.FunctionInvocationStatus"];
export type LogLine = Schemas["invoked.InvocationLog"];
export type TestResult = Schemas["c1.api.functions.v1.FunctionTestResult"];
export type Trigger = Schemas["invoked.Trigger"];
export type TriggerKind = Schemas["invoked.TriggerKind"];
export type Delivery = Schemas["invoked.Delivery"];
export type DeadLetter = Schemas["invoked.DeadLetter"];
export type Publish = Schemas["invoked.FunctionPublish"];
export type Volume = Schemas["invoked.Volume"];
export type VolumeEntry = Schemas["invoked.VolumeEntry"];
export type VolumeVersion = Schemas["invoked.VolumeVersion"];
export type ServerStatus = Schemas["invoked.Status"];
export type TypeDiagnostic = Schemas["invoked.TypeDiagnostic"];
export type BuildWarning = Schemas["invoked.BuildWarning"];
