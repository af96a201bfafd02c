// Jest compiles a module again for every spec file that loads it: of the CPU of a spec file that loads the application, a third.
// A script belongs to no context, so what one file of a worker has compiled is run again for the next one: a module of its
// own, from the same text.
import vm from 'node:vm';

/** By the name of the file: the text a transform made of it, and what that was compiled to. */
const known = new Map();

vm.compileFunction = function compileOnce(text, names, { filename, parsingContext }) {
  const before = known.get(filename);
  const script = before?.text === text ? before.script : compile(text, names, filename);
  if (script !== before?.script) known.set(filename, { text, script });
  return script.runInContext(parsingContext);
};

function compile(text, names, filename) {
  const head = `(function (${names.join(', ')}) {`;
  return new vm.Script(`${head}${text}\n})`, { filename, columnOffset: -head.length });
}
