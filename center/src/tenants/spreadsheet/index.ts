export { readCsv, writeCsv } from './csv.js'
export { type QuestionsTable, questionsCsv, questionsTable, questionsXlsx } from './question-export.js'
export { readQuestionTables, type SheetIntent } from './question-table.js'
export { cellText, type Row, tableProblem } from './rows.js'
