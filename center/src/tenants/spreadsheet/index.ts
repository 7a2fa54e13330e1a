export { readCsv, writeCsv } from './csv.js'
export { readQuestionTables, type SheetIntent } from './question-table.js'
export { type Row, tableProblem } from './rows.js'
