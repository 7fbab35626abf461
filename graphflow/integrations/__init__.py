"""What joins graphflow to other libraries; each module here needs the library it is named after."""
