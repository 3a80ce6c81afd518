/** Compiles a graph at the top of the module, and runs it. */
import { Annotation, END, START, StateGraph } from "npm:@langchain/langgraph@1.7.3";

const State = Annotation.Root({ text: Annotation<string> });
const graph = new StateGraph(State)
  .addNode("greet", ({ text }) => ({ text: `Hello, ${text}` }))
  .addEdge(START, "greet")
  .addEdge("greet", END)
  .compile();

export default async () => await graph.invoke({ text: "Ada" });
