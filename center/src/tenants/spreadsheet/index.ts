export { readCsv, writeCsv } from './csv.js'
export { readQuestionTables, type SheetIntent } from './question-table.js'
export { cellText, type Row, tableProblem } from './rows.js'
