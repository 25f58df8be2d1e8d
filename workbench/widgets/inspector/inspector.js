// @ts-check
/* The trajectory inspector: which runs there are, what their steps were, and one step in full.

   Python, or the file that this stands in, has the runs; the panel asks for the pages that are in
   sight and keeps a few. */

import { openFile } from "./file.js";
import { render } from "./notebook.js";

export { openFile, render };
export default { render };
