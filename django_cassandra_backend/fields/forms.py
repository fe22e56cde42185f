"""The form field of containers: JSON in a text area, checked by the model field."""

import json

from django import forms


class ContainerFormField(forms.CharField):
    """JSON text; cleaned, a value of `model_field`."""

    widget = forms.Textarea

    def __init__(self, *, model_field, **kwargs):
        self.model_field = model_field
        kwargs.pop("max_length", None)
        super().__init__(strip=True, **kwargs)
        self.empty_values = model_field.empty_values

    def to_python(self, value):
        if value is None or value == "" or value in self.empty_values:
            return self._nothing()
        found = self.model_field.to_python(value)
        return self._nothing() if found is None else found

    def _nothing(self):
        field = self.model_field
        return None if field.null or field.empty is None else field.empty()

    def prepare_value(self, value):
        if value is None or isinstance(value, str):
            return value  # what was sent, right or wrong
        return json.dumps(self.model_field.to_json(value), ensure_ascii=False)

    def has_changed(self, initial, data):
        if self.disabled:
            return False
        try:
            return self.to_python(initial) != self.to_python(data)
        except forms.ValidationError:
            return True
